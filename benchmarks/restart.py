"""The start of a server after kill -9, up to its first receipt, compared with the imports of its modules."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import grpc

from benchmarks.sample_orders import create_log, place_order
from benchmarks.server_process import (
    SERVE,
    build_environment,
    run_ordertrail,
    start_process,
    wait_until_listening,
)
from benchmarks.table import Row
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub

ROUNDS = 7
ALLOWED_SECONDS = 0.3
# What a server imports before it listens. The end of the interpreter is no part of it.
IMPORTS = "import os, uvloop, ordertrail_server.cli.serve, ordertrail_server.serving; os._exit(0)"


def measure(events: int) -> Row:
    """Return the seconds from the start of a killed server to its first receipt, on a log of that many events."""
    imports, starts = [], []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # a killed server's projector may be ending
        data = Path(folder) / "data"
        create_log(data, events)
        fold(data)
        _start_and_kill(data)
        for _ in range(ROUNDS):
            imports.append(_seconds_of_imports())
            starts.append(_start_and_kill(data))
    name = f"start after kill -9 to the first receipt, {events:,} events"
    limit_name = f"imports {median(imports):.2f} s + {ALLOWED_SECONDS} s"
    return Row(name, "s", median(starts), limit_name, median(imports) + ALLOWED_SECONDS, max_ratio=1.0)


def fold(data: Path) -> None:
    """Let a server fold the log of a data directory."""
    with run_ordertrail(data):
        pass


@contextmanager
def start_until_receipt(data: Path, overrides: Mapping[str, str] = {}) -> "Iterator[subprocess.Popen[str]]":
    """Start a server and yield it when it has given a receipt; kill it at the end if it still runs."""
    with start_process(*SERVE, str(data), overrides=overrides) as process:
        address = wait_until_listening(process)
        with grpc.insecure_channel(address) as channel:
            OrderCommandServiceStub(channel).PlaceOrder(place_order())
        yield process


def _seconds_of_imports() -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, env=build_environment())
    return perf_counter() - start


def _start_and_kill(data: Path) -> float:
    """Start a server, wait for a receipt, and kill the server; return the seconds from its start to the receipt."""
    start = perf_counter()
    with start_until_receipt(data):
        return perf_counter() - start
