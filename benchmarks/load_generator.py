"""The load generator: h2load of nghttp2, which is written in C. A Python client would be the bottleneck."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from google.protobuf.message import Message

from benchmarks.table import MeasurementFailed

H2LOAD = "h2load"
RATE = re.compile(r"finished in [\d.]+s, ([\d.]+) req/s")
FAILED = re.compile(r"(\d+) failed, (\d+) errored, (\d+) timeout")


def has_h2load() -> bool:
    """Return whether h2load is installed."""
    return shutil.which(H2LOAD) is not None


def calls_per_second(address: str, rpc: str, request: Message, callers: int, seconds: int) -> float:
    """Return the unary calls/s of `callers` concurrent callers, each of which waits for its answer."""
    body = request.SerializeToString()
    with tempfile.NamedTemporaryFile(suffix=".grpc") as file:
        Path(file.name).write_bytes(b"\0" + len(body).to_bytes(4) + body)
        connections = min(8, callers)
        load = [f"--clients={connections}", f"--max-concurrent-streams={callers // connections}"]
        timing = [f"--duration={seconds}", "--warm-up-time=1"]
        headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
        command = [H2LOAD, *load, *timing, *headers, "-d", file.name, f"http://{address}/{rpc}"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    failed = FAILED.search(output)
    rate = RATE.search(output)
    if rate is None or failed is None or any(int(count) for count in failed.groups()):
        raise MeasurementFailed(f"h2load reported failed calls: {' '.join(output.split())}")
    return float(rate.group(1))
