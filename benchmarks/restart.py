"""The start of a server after kill -9, up to its first receipt, compared with the imports of its modules."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import grpc

from benchmarks.sample_orders import create_log, place_order
from benchmarks.server_process import SERVE
from benchmarks.table import Row
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub

ROUNDS = 5
ALLOWED_SECONDS = 0.3
FOLD_SECONDS = 1_800
IMPORTS = "import uvloop, ordertrail_server.serving, ordertrail_server.cli.serve"


def measure(events: int) -> Row:
    """Return the seconds from the start of a killed server to its first receipt, on a log of that many events."""
    imports, starts = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, events)
        _start_and_kill(data)  # folds the log
        for _ in range(ROUNDS):
            imports.append(_seconds_of_imports())
            starts.append(_start_and_kill(data))
    name = f"start after kill -9 to the first receipt, {events:,} events"
    limit_name = f"imports, and {ALLOWED_SECONDS} s"
    return Row(name, "s", median(starts), limit_name, median(imports) + ALLOWED_SECONDS, max_ratio=1.0)


def _seconds_of_imports() -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, env=_environment())
    return perf_counter() - start


def _start_and_kill(data: Path) -> float:
    """Start a server, wait for a receipt, and kill the server; return the seconds from its start to the receipt."""
    address = f"unix:{data}/bench.sock"
    start = perf_counter()
    process = subprocess.Popen(
        [sys.executable, *SERVE, str(data), "--listen", address], stdout=subprocess.DEVNULL, env=_environment()
    )
    try:
        _wait_for_receipt(address)
        return perf_counter() - start
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _wait_for_receipt(address: str) -> None:
    deadline = perf_counter() + FOLD_SECONDS
    while True:
        with grpc.insecure_channel(address) as channel:
            try:
                OrderCommandServiceStub(channel).PlaceOrder(place_order(), timeout=10)
                return
            except grpc.RpcError:
                if perf_counter() > deadline:
                    raise


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
