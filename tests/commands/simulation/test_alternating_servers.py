"""Commands sent one after another, to any server, leave no void record. Only concurrent commands do."""

import asyncio
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.commands.simulation.connection import WaitCall
from tests.commands.simulation.guarantee_check import check_guarantees
from tests.commands.simulation.mutant import Defect
from tests.commands.simulation.reference_fold import ReferenceFold
from tests.commands.simulation.run import MAX_DRAIN_STEPS, Run
from tests.commands.simulation.scenario import Scenario, Violation
from tests.commands.simulation.seed_search import find_violating_seed
from tests.commands.simulation.step import send_request
from tests.trials import choose_size

from ordertrail_server.commands import writer as writer_module
from ordertrail_server.commands.follower import Follower

RUNS = choose_size(20, 60, 4_000)
NOWHERE = Path(os.devnull)
PAUSES = [0.0005, 0.002, 0.03, 0.2, 3.0, 12.0]

Next = Callable[[int, Random], int]


def in_turn(number: int, random: Random) -> int:
    return number


def random_server(number: int, random: Random) -> int:
    return random.randrange(3)


async def run_alternating(seed: int, servers: int, next_server: Next, follows: bool) -> ReferenceFold:
    """Send 60 commands one after another. If `follows` is false, no server is ever notified of new records."""
    run = Run(Scenario(seed, 0, servers, False, "nothing", False), NOWHERE)
    pauses = run.random.choices(PAUSES, k=2)
    try:
        await run.start()
        for number in range(60):
            send_request(run, run.servers[next_server(number, run.random) % servers])
            await settle(run, follows)
            run.world.elapsed += run.random.choice(pauses)
        await run.drain()
        return await check_guarantees(run)
    finally:
        await run.close()


async def settle(run: Run, follows: bool) -> None:
    """Advance the log until the call is answered and, if `follows`, every server has folded the log."""
    for _ in range(MAX_DRAIN_STEPS):
        await run.run_tasks()
        pending = [(server, call) for server in run.servers for call in server.connection.open_calls]
        pending = [(server, call) for server, call in pending if follows or not isinstance(call, WaitCall)]
        if not pending:
            return
        server, call = run.random.choice(pending)
        server.connection.advance(call, faults=False)
    raise Violation("a call was never answered")


@pytest.mark.sampled
@settings(max_examples=RUNS, database=None)
@given(seed=st.integers(0, 2**32), servers=st.integers(2, 3))
def test_alternating_servers_that_do_not_follow_log_leave_no_void_record(seed: int, servers: int) -> None:
    reference = asyncio.run(run_alternating(seed, servers, in_turn, False))
    assert reference.void == []


@pytest.mark.sampled
@settings(max_examples=RUNS, database=None)
@given(seed=st.integers(0, 2**32), servers=st.integers(2, 3))
def test_randomly_chosen_servers_that_follow_log_leave_no_void_record(seed: int, servers: int) -> None:
    reference = asyncio.run(run_alternating(seed, servers, random_server, True))
    assert reference.void == []


def test_assuming_sole_writer_after_one_batch_leaves_void_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Defect(writer_module, "Contention", lambda kind: lambda shared, clock: kind(False, clock)).plant(monkeypatch)
    voids = [asyncio.run(run_alternating(seed, 2, in_turn, False)).void for seed in range(5)]
    assert any(voids)


def test_fold_of_other_records_during_an_append_violates_a_guarantee(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Defect(Follower, "__init__", disable_turns).plant(monkeypatch)
    find_violating_seed()


def disable_turns(init: Callable[..., None]) -> Callable[..., None]:
    def init_without_turns(self: Follower, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        assert isinstance(self._turn, asyncio.Lock)
        self._turn = nullcontext()  # type: ignore[assignment]  # excludes no task

    return init_without_turns
