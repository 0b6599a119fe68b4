"""Submitted commands are counted by result and by outcome, and those that wait by state."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from tests.commands.running_handler import handle
from tests.commands.sample_requests import build_change_quantity, build_confirm_order, build_place_order
from tests.log.memory import MemoryLog
from tests.submissions.running_store import NOW, SECOND, SOON, Server, id_of, run_server
from tests.submissions.unreadable_command import store_unreadable_command
from tests.submissions.viewer import VIEWER

from ordertrail_server.admin.submission_metrics import SubmissionMetrics
from ordertrail_server.admin.submission_state import SubmissionState
from ordertrail_server.log.port import Entry, LogUnavailable


class UnavailableLog(MemoryLog):
    """A log of commands to which nothing can be appended."""

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        raise LogUnavailable("the disk is full")


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def clock() -> list[int]:
    return [NOW]


@pytest.fixture
async def server(
    log: MemoryLog, registry: CollectorRegistry, tmp_path: Path, clock: list[int]
) -> AsyncIterator[Server]:
    async with run_server(log, tmp_path, clock, observer=SubmissionMetrics(registry)) as server:
        yield server


def read_counts(registry: CollectorRegistry, name: str) -> Mapping[tuple[str, str], float]:
    """Return the counts that are not 0, by outcome and reason."""
    return {
        (sample.labels["outcome"], sample.labels["reason"]): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == f"ordertrail_submission_{name}_total" and sample.value
    }


async def count_waiting(server: Server) -> dict[str, float]:
    """Return the commands that wait, by state, and `lag` in seconds, as of an index that is up to date."""
    await server.store.flush()
    state = SubmissionState(server.store)
    await state.sample()
    counts, ages = state.collect()
    [age] = ages.samples
    return {sample.labels["state"]: sample.value for sample in counts.samples} | {"lag": age.value}


def count_on_all(registries: Iterable[CollectorRegistry]) -> Counter[tuple[str, str]]:
    """Return the outcomes on all servers."""
    counts = Counter[tuple[str, str]]()
    for registry in registries:
        counts.update({key: int(count) for key, count in read_counts(registry, "outcomes").items()})
    return counts


async def wait_for_counts(server: Server, expected: Mapping[str, float]) -> None:
    """Wait for counts of the commands that wait; the index notes outcomes a moment later."""
    async with asyncio.timeout(SOON):
        while not expected.items() <= (await count_waiting(server)).items():  # noqa: ASYNC110 (a thread writes it)
            await asyncio.sleep(0.01)


async def wait_for_outcomes(registry: CollectorRegistry, expected: Mapping[tuple[str, str], float]) -> None:
    """Wait for counts of outcomes; a caller may find an outcome a moment before it is counted."""
    async with asyncio.timeout(SOON):
        while read_counts(registry, "outcomes") != expected:  # noqa: ASYNC110 (the server counts)
            await asyncio.sleep(0.01)


async def test_each_command_of_a_submission_has_a_result(server: Server, registry: CollectorRegistry) -> None:
    await server.submit(build_place_order(), build_confirm_order(), defer_decision=True)
    await server.submit(build_place_order(), build_place_order(customer_id="shop-2"), defer_decision=True)
    await server.submit(build_confirm_order("early", "absent"))
    assert read_counts(registry, "results") == {
        ("stored", ""): 2,
        ("repeated", ""): 1,
        ("refused", "REQUEST_ID_REUSED"): 1,
        ("refused", "ORDER_NOT_FOUND"): 1,
    }


async def test_command_that_cannot_be_stored_is_counted(
    log: MemoryLog, registry: CollectorRegistry, tmp_path: Path
) -> None:
    log._commands = UnavailableLog()
    async with run_server(log, tmp_path, observer=SubmissionMetrics(registry)) as server:
        await server.submit(build_place_order(), build_confirm_order())
    assert read_counts(registry, "results") == {("refused", "UNAVAILABLE"): 2}


async def test_outcomes_are_counted_by_reason(server: Server, registry: CollectorRegistry) -> None:
    await server.decide(build_place_order(), build_confirm_order(), build_confirm_order("again"))
    await wait_for_outcomes(registry, {("accepted", ""): 2, ("refused", "NOTHING_CHANGES"): 1})


async def test_outcome_that_another_call_has_recorded_is_repeated(server: Server, registry: CollectorRegistry) -> None:
    await handle(server.handler, [build_place_order()])
    await server.decide(build_place_order(), defer_decision=True)
    await wait_for_outcomes(registry, {("repeated", ""): 1})


async def test_request_id_of_another_command_is_an_outcome_of_its_own(
    server: Server, registry: CollectorRegistry, clock: list[int]
) -> None:
    await handle(server.handler, [build_place_order()])
    [delayed] = await server.submit(build_change_quantity("change", 7), not_before=NOW + SECOND)
    await handle(server.handler, [build_change_quantity("change", 8)])
    clock[0] += 2 * SECOND
    await server.wait_decided(id_of(delayed))
    await wait_for_outcomes(registry, {("refused", "REQUEST_ID_REUSED"): 1})


@pytest.mark.parametrize("is_in_memory", [True, False], ids=["in memory", "in the index"])
async def test_rejection_is_refused_once(
    server: Server, registry: CollectorRegistry, clock: list[int], is_in_memory: bool
) -> None:
    delay_s = 1 if is_in_memory else 3600
    await server.decide(build_place_order())
    [delayed] = await server.submit(build_confirm_order(), not_before=NOW + delay_s * SECOND)
    await server.finder.reject(id_of(delayed), VIEWER, "not paid", float("inf"))
    await wait_for_counts(server, {"delayed": 0})
    clock[0] += 2 * delay_s * SECOND
    await server.decide(build_change_quantity("later", 7))
    repeated = {("repeated", ""): 1} if is_in_memory else {}
    await wait_for_outcomes(registry, {("accepted", ""): 2, ("refused", "COMMAND_REJECTED"): 1, **repeated})


async def test_outcome_on_two_servers_is_recorded_by_one_of_them(tmp_path: Path) -> None:
    log, registries = MemoryLog(atomic=False), [CollectorRegistry(), CollectorRegistry()]
    first, second = (
        run_server(log, tmp_path / f"{number}", observer=SubmissionMetrics(registry))
        for number, registry in enumerate(registries)
    )
    async with first as storing, second as following, asyncio.timeout(SOON):
        await storing.submit(build_place_order(), build_confirm_order())
        await following.store.logs[0].catch_up()
        while (counts := count_on_all(registries)).total() < 4:  # noqa: ASYNC110 (both servers count)
            await asyncio.sleep(0.01)
    assert counts == {("accepted", ""): 2, ("repeated", ""): 2}


async def test_delayed_command_waits_for_its_time(server: Server, clock: list[int]) -> None:
    await server.submit(build_place_order(), not_before=NOW + 3600 * SECOND)
    assert await count_waiting(server) == {"due": 0, "delayed": 1, "stopped": 0, "lag": 0}
    clock[0] += 3600 * SECOND
    await wait_for_counts(server, {"due": 0, "delayed": 0})


async def test_command_that_is_due_waits_until_it_is_decided(server: Server, clock: list[int]) -> None:
    await server.handler.stop()
    await server.submit(build_place_order(), defer_decision=True)
    clock[0] += 90 * SECOND
    assert await count_waiting(server) == {"due": 1, "delayed": 0, "stopped": 0, "lag": 90}


async def test_stopped_command_is_counted_apart_from_those_behind_it(log: MemoryLog, tmp_path: Path) -> None:
    async with run_server(log, tmp_path) as server:
        await server.decide(build_place_order())
    store_unreadable_command(log)
    async with run_server(log, tmp_path) as server:
        await server.submit(build_confirm_order())
        await wait_for_counts(server, {"due": 1, "stopped": 1})


async def test_nothing_is_counted_before_the_commands_are_known(log: MemoryLog, tmp_path: Path) -> None:
    async with run_server(log, tmp_path) as server:
        await server.decide(build_place_order())
    assert await server.store.count_waiting() == []
