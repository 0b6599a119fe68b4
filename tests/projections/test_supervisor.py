"""The supervisor keeps a projector running, and reports the reason if it cannot."""

import asyncio
import logging
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.process_freeze import freeze_process
from tests.projections.log_builder import PLACED, LogBuilder, build_many_orders
from tests.projections.processes import NAMES, ReportedOffset, runs, wait_gone, wait_refused

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.source import EmbeddedSource
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.exit_code import AGAIN, REFUSED
from ordertrail_server.projections.supervisor import COMMAND, ProjectorProcess


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog.create(tmp_path)
    yield log
    await log.close()


async def start_projector(directory: Path) -> ProjectorProcess:
    """Return a projector that has opened its files."""
    reported_offset = ReportedOffset()
    projector = ProjectorProcess(EmbeddedSource(directory), NAMES, reported_offset)
    await projector.start()
    await reported_offset.at_least(0)
    return projector


async def test_appended_records_are_folded_after_a_wake_up(log: EmbeddedLog, tmp_path: Path) -> None:
    reported_offset = ReportedOffset()
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, reported_offset)
    await projector.start()
    await reported_offset.at_least(0)
    entries = build_many_orders(3)
    for count, entry in enumerate(entries, 1):
        await log.append(0, [entry])
        projector.notify_growth()
        await reported_offset.at_least(count)
    await projector.stop(grace_s=10)
    assert projector.failure is None


async def test_killed_projector_is_restarted_and_resumes(log: EmbeddedLog, tmp_path: Path) -> None:
    reported_offset = ReportedOffset()
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, reported_offset)
    await projector.start()
    entries = build_many_orders(2)
    for count, entry in enumerate(entries[:3], 1):
        await log.append(0, [entry])
        projector.notify_growth()
        await reported_offset.at_least(count)
        assert projector.pid is not None
        os.kill(projector.pid, signal.SIGKILL)
    await log.append(0, entries[3:])
    await reported_offset.at_least(len(entries))
    await projector.stop(grace_s=10)


async def test_stopped_projector_is_not_restarted(log: EmbeddedLog, tmp_path: Path) -> None:
    projector = await start_projector(tmp_path)
    pid = projector.pid
    assert pid is not None
    await projector.stop(grace_s=10)
    assert (runs(pid), projector.pid) == (False, None)
    projector.notify_growth()
    await projector.stop(grace_s=10)


async def test_projector_that_does_not_end_in_time_is_killed(log: EmbeddedLog, tmp_path: Path) -> None:
    projector = await start_projector(tmp_path)
    pid = projector.pid
    assert pid is not None
    freeze_process(pid)
    await projector.stop(grace_s=0.1)
    await wait_gone(pid)


async def test_parked_order_is_retried_while_new_facts_arrive(log: EmbeddedLog, tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("fine", PLACED)
    builder.add_broken_record("order-1")
    await log.append(0, builder.records[0])
    reported_offset = ReportedOffset()
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, reported_offset)
    await projector.start()
    await reported_offset.at_least(2)
    for entry in build_many_orders(20):
        await log.append(0, [entry])
        projector.notify_growth()
        answers = [projector.request(retry=order_id) for order_id in ("order-1", "fine", "no\nsuch\u2028order")]
        assert await asyncio.gather(*answers) == [0, None, None]
    await reported_offset.at_least(62)
    await projector.stop(grace_s=10)


async def test_cancelled_request_does_not_affect_others(log: EmbeddedLog, tmp_path: Path) -> None:
    projector = await start_projector(tmp_path)
    gone_caller = asyncio.create_task(projector.request(retry="order-1"))
    await asyncio.sleep(0)
    gone_caller.cancel()
    assert await projector.request(retry="order-1") is None
    await projector.stop(grace_s=10)


async def test_request_to_a_projector_that_dies_is_refused_as_unavailable(log: EmbeddedLog, tmp_path: Path) -> None:
    projector = await start_projector(tmp_path)
    assert projector.pid is not None
    freeze_process(projector.pid)
    answers = asyncio.create_task(projector.request(retry="order-1"))
    await asyncio.sleep(0)
    os.kill(projector.pid, signal.SIGKILL)
    with pytest.raises(Refused) as error:
        await answers
    assert error.value.refusal.reason == ERROR_REASON_UNAVAILABLE
    await projector.stop(grace_s=10)


async def test_request_waits_for_a_projector_that_is_restarted(log: EmbeddedLog, tmp_path: Path) -> None:
    first_run = tmp_path / "first-run"
    first_run.touch()
    # The first run asks for its restart when it gets the request, as one does that meets another projector's commit.
    end_first_run = f'test -e {first_run} || exec {shlex.join(COMMAND)} "$@"; read line; rm {first_run}; exit {AGAIN}'
    command = ("sh", "-c", end_first_run, "sh")
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, ReportedOffset(), command=command)
    await projector.start()
    assert await projector.request(retry="order-1") is None
    assert not first_run.exists()
    await projector.stop(grace_s=10)


async def test_request_during_the_pause_before_a_restart_waits(log: EmbeddedLog, tmp_path: Path) -> None:
    projector = await start_projector(tmp_path)
    assert projector.pid is not None
    os.kill(projector.pid, signal.SIGKILL)
    while projector.pid is not None:  # noqa: ASYNC110 - the supervisor has no event for it
        await asyncio.sleep(0.001)
    assert await projector.request(retry="order-1") is None
    await projector.stop(grace_s=10)


async def test_request_to_a_projector_that_is_not_restarted_is_refused(log: EmbeddedLog, tmp_path: Path) -> None:
    command = ("sh", "-c", f"read line; echo the reason >&2; exit {REFUSED}")
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, ReportedOffset(), command=command)
    await projector.start()
    for _ in range(2):  # the process ends at the first
        with pytest.raises(Refused) as error:
            await projector.request(retry="order-1")
        assert error.value.refusal.reason == ERROR_REASON_UNAVAILABLE
    assert await projector.wait_ended() == "the reason"


async def test_request_to_a_projector_that_does_not_run_is_refused_as_unavailable(
    log: EmbeddedLog, tmp_path: Path
) -> None:
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, ReportedOffset())
    await projector.start()
    await projector.stop(grace_s=10)
    with pytest.raises(Refused) as error:
        await projector.request(retry="order-1")
    assert error.value.refusal.reason == ERROR_REASON_UNAVAILABLE


async def test_signals_to_the_group_of_the_server_do_not_reach_the_projector(log: EmbeddedLog, tmp_path: Path) -> None:
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, ReportedOffset())
    await projector.start()
    assert projector.pid is not None
    assert os.getpgid(projector.pid) == projector.pid
    await projector.stop(grace_s=10)


async def test_end_of_the_projector_is_no_warning_if_a_stop_is_expected(
    log: EmbeddedLog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reported_offset = ReportedOffset()
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, reported_offset)
    await projector.start()
    projector.expect_stop()
    assert projector.pid is not None
    os.kill(projector.pid, signal.SIGKILL)
    await reported_offset.at_least(0)  # the next process
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    await projector.stop(grace_s=10)


async def test_refusal_is_reported_and_the_projector_is_not_restarted(tmp_path: Path) -> None:
    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, ReportedOffset())
    await projector.start()
    assert "holds no log" in await wait_refused(projector)
    assert projector.pid is None
    await projector.stop(grace_s=1)


async def test_error_in_on_progress_does_not_stop_progress(log: EmbeddedLog, tmp_path: Path) -> None:
    reported_offset = ReportedOffset()

    def listener(name: str, positions: dict[int, int]) -> None:
        reported_offset(name, positions)
        raise RuntimeError("a listener's defect")

    projector = ProjectorProcess(EmbeddedSource(tmp_path), NAMES, listener)
    await projector.start()
    await reported_offset.at_least(0)
    await log.append(0, build_many_orders(1))
    await reported_offset.at_least(3)
    await projector.stop(grace_s=10)


async def test_log_line_of_any_length_is_forwarded(tmp_path: Path) -> None:
    reported_offset = ReportedOffset()
    long_line = "head -c 300000 /dev/zero | tr '\\0' x >&2; echo >&2"
    projector = ProjectorProcess(
        EmbeddedSource(tmp_path),
        NAMES,
        reported_offset,
        command=program(f"{long_line}; echo its last words >&2; exit 3"),
    )
    await projector.start()
    async with asyncio.timeout(20):
        assert await projector.wait_ended() == "its last words"
    await projector.stop(grace_s=1)


async def test_projector_is_killed_and_reported_if_its_supervision_fails(
    log: EmbeddedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projector = await start_projector(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, "no environment holds this: \0"])
    assert projector.pid is not None
    os.kill(projector.pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        assert "supervision of the projector failed" in str(await projector.wait_ended())
    assert projector.pid is None
    await projector.stop(grace_s=1)


async def test_projector_without_progress_is_restarted_after_growing_pauses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await restart_pauses(tmp_path, program(print_offset("7")), caplog) == ["0.1", "0.2", "0.4"]


async def test_projector_that_only_repeats_earlier_progress_has_made_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # As past a gap in the log, which each process finds anew.
    repeating = program(f"{print_offset('7')}; {print_offset('9')}")
    assert await restart_pauses(tmp_path, repeating, caplog) == ["0.1", "0.2", "0.4"]


async def test_projector_that_progressed_before_it_died_is_restarted_soon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    further = f"at=$(cat {tmp_path}/at || echo 7); {print_offset('$at')}; at=$((at + 1)); {print_offset('$at')}"
    further += f"; echo $at > {tmp_path}/at"
    assert await restart_pauses(tmp_path, program(further), caplog) == ["0.1", "0.1", "0.1"]


def program(script: str) -> list[str]:
    """Return a shell program that replaces the projector, because the real one has no such defect."""
    return ["sh", "-c", script]


def print_offset(offset: str) -> str:
    return f"""echo '{{"positions": {{"orders": {{"0": '{offset}'}}}}, "stopped": {{}}}}'"""


async def restart_pauses(directory: Path, command: list[str], caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the pauses before the first three restarts, in seconds."""
    caplog.set_level(logging.WARNING)
    projector = ProjectorProcess(EmbeddedSource(directory), NAMES, ReportedOffset(), command=command)
    await projector.start()
    async with asyncio.timeout(20):
        while len(find_restarts(caplog.messages)) < 3:  # noqa: ASYNC110 (no event signals a log line)
            await asyncio.sleep(0.01)
    await projector.stop(grace_s=1)
    return find_restarts(caplog.messages)[:3]


def find_restarts(messages: Sequence[str]) -> list[str]:
    """Return the pauses that the messages name."""
    restarts = [message.partition(" restarted in ")[2] for message in messages]
    return [pause.partition(" s")[0] for pause in restarts if pause]
