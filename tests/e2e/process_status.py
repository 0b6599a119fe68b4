"""The children of a process, and how it treats signals: proc_pid_status(5)."""

import asyncio
import re
import signal
from pathlib import Path

from tests.e2e.running_server import START_SECONDS

INTERRUPT = 1 << (signal.SIGINT - 1)


def ignores_signal(pid: int, number: signal.Signals) -> bool:
    """Return whether a process ignores a signal."""
    return bool(read_signal_mask(pid, "SigIgn") >> (number - 1) & 1)


def read_signal_mask(pid: int, name: str) -> int:
    [mask] = re.findall(rf"{name}:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return int(mask, 16)


def list_children(pid: int) -> list[int]:
    """Return the processes that a process has started, in the order of their start."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def wait_for_child(pid: int) -> int:
    """Return the first child of a process, as soon as it exists."""
    async with asyncio.timeout(START_SECONDS):
        while not (pids := list_children(pid)):  # noqa: ASYNC110 (no event reports a new process)
            await asyncio.sleep(0.001)
    return pids[0]


async def wait_until_python_runs(pid: int) -> None:
    """Return once a projector runs Python, which catches SIGINT until the projector ignores it."""
    async with asyncio.timeout(START_SECONDS):
        while not (is_projector(pid) and handles_sigint(pid)):  # noqa: ASYNC110 (no event reports it)
            await asyncio.sleep(0.001)


def handles_sigint(pid: int) -> bool:
    return bool((read_signal_mask(pid, "SigCgt") | read_signal_mask(pid, "SigIgn")) & INTERRUPT)


def is_projector(pid: int) -> bool:
    """Return whether a process runs the projector's program; before that, it is a copy of its server."""
    return b"ordertrail_server.projections.process" in Path(f"/proc/{pid}/cmdline").read_bytes()
