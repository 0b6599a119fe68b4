"""The tour of the examples, stopped by a signal, leaves no server behind."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from tests.e2e.process_status import ignores_signal, list_children
from tests.e2e.running_server import ROOT, START_SECONDS, build_environment
from tests.projections.processes import wait_gone

TOUR = (sys.executable, str(ROOT / "examples" / "tour.py"))


@pytest.mark.parametrize("text", ["$ ordertrail produce", "until Ctrl-C"])
async def test_stopped_tour_stops_its_server(tmp_path: Path, text: str) -> None:
    settings = build_environment({"ORDERTRAIL_LISTEN": "127.0.0.1:0"})
    pipe = asyncio.subprocess.PIPE
    tour = await asyncio.create_subprocess_exec(*TOUR, cwd=tmp_path, env=settings, stdout=pipe)
    assert tour.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        while text not in (line := await tour.stdout.readline()).decode():
            assert line, "the tour ended"
        [server, *_] = list_children(tour.pid)
        tour.send_signal(signal.SIGTERM)
        await tour.communicate()
    assert tour.returncode == 0
    await wait_gone(server)


async def test_processes_of_the_tour_do_not_ignore_sigint(tmp_path: Path) -> None:
    settings = build_environment({"ORDERTRAIL_LISTEN": "127.0.0.1:0"})
    pipe = asyncio.subprocess.PIPE
    tour = await asyncio.create_subprocess_exec(*TOUR, cwd=tmp_path, env=settings, stdout=pipe)
    async with asyncio.timeout(START_SECONDS):
        while len(pids := list_children(tour.pid)) < 2:  # noqa: ASYNC110 (the server, then a command that uses it)
            await asyncio.sleep(0.01)
        ignored = [ignores_signal(pid, signal.SIGINT) for pid in pids]
        tour.send_signal(signal.SIGTERM)
        await tour.communicate()
    assert ignored == [False, False]
