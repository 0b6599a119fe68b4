"""Whatever becomes of appends, servers and callers, in whatever order: every promise of the write path holds.

ORDERTRAIL_TEST_ROUNDS multiplies the number of runs.
"""

import asyncio
import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from hypothesis import given, settings
from tests.commands.simulation.promises import run_and_check
from tests.commands.simulation.reference import Past
from tests.commands.simulation.run import Run
from tests.commands.simulation.shape import Shape

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Accepted, Preview
from ordertrail_server.orders.refusal import Refusal

ROUNDS = int(os.environ.get("ORDERTRAIL_TEST_ROUNDS", "1"))
NOWHERE = Path(os.devnull)


def shapes(servers: int, atomic: bool) -> st.SearchStrategy[Shape]:
    return st.builds(
        Shape,
        seed=st.integers(0, 2**32),
        steps=st.integers(20, 400),
        servers=st.integers(1, servers),
        atomic=st.just(atomic),
        storing=st.sampled_from(["nothing", "memory"]),
        strangers=st.booleans(),
        stale=st.just(False) if atomic else st.booleans(),
    )


def runs(number: int) -> settings:
    return settings(max_examples=number * ROUNDS, database=None)


@runs(400)
@given(shapes(servers=3, atomic=False))
def test_promises_hold_for_several_servers_on_log_with_non_atomic_appends(shape: Shape) -> None:
    asyncio.run(run_and_check(shape, NOWHERE))


@runs(200)
@given(shapes(servers=1, atomic=True))
def test_promises_hold_for_one_restarting_server_on_log_with_atomic_appends(shape: Shape) -> None:
    asyncio.run(run_and_check(shape, NOWHERE))


@runs(40)
@given(seed=st.integers(0, 2**32), atomic=st.booleans())
def test_promises_hold_for_servers_that_restart_from_state_store_file(seed: int, atomic: bool) -> None:
    shape = Shape(seed, 200, 1 if atomic else 2, atomic, "file", False)
    with TemporaryDirectory() as directory:
        asyncio.run(run_and_check(shape, Path(directory)))


def test_simulation_covers_every_verdict_and_answer() -> None:
    seen: Counter[str] = Counter()
    for seed in range(150):
        seen.update(_reached(*asyncio.run(run_and_check(Shape.of(seed), NOWHERE))))
    expected = {"fact", "void", "foreign", "broken", "first receipt", "receipt of a retry", "receipt read back"}
    assert expected | {"preview", "refusal", *_KINDS.values()} <= seen.keys()
    assert min(seen[each] for each in ("void", "receipt of a retry", "receipt read back", "refusal")) > 50


def _reached(run: Run, past: Past) -> Counter[str]:
    seen = Counter({"fact": sum(map(len, past.facts.values())), "void": len(past.void), "foreign": len(past.foreign)})
    seen["broken"] = sum(map(len, past.broken.values()))
    for call in run.calls:
        answer = call.answer
        if isinstance(answer, Accepted):
            seen["receipt of a retry" if answer.replayed else "first receipt"] += 1
            seen["receipt read back"] += answer.record is None
        elif isinstance(answer, Preview):
            seen["preview"] += 1
        elif isinstance(answer, Refusal):
            seen[_KINDS.get(answer.reason, "refusal")] += 1
    return +seen


_KINDS: dict[int, str] = {
    reasons.ERROR_REASON_REQUEST_ID_REUSED: "reuse of a request id",
    reasons.ERROR_REASON_VERSION_MISMATCH: "version mismatch",
    reasons.ERROR_REASON_ORDER_PARKED: "parked",
    reasons.ERROR_REASON_UNAVAILABLE: "unavailable",
    reasons.ERROR_REASON_OVERLOADED: "overloaded",
}
