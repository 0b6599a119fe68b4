"""The write path meets every guarantee in random runs with faults of the log, the servers and the callers."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests.commands.simulation.guarantee_check import run_and_check
from tests.commands.simulation.injected_refusal import MESSAGE
from tests.commands.simulation.reference_fold import ReferenceFold
from tests.commands.simulation.run import Run
from tests.commands.simulation.scenario import Scenario
from tests.trials import choose_size

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Accepted, Preview
from ordertrail_server.orders.refusal import Refusal

NOWHERE = Path(os.devnull)


def scenarios(servers: int, atomic: bool) -> st.SearchStrategy[Scenario]:
    return st.builds(
        Scenario,
        seed=st.integers(0, 2**32),
        steps=st.integers(20, 400),
        servers=st.integers(1, servers),
        atomic=st.just(atomic),
        storage=st.sampled_from(["nothing", "memory"]),
        injects_records=st.booleans(),
        has_stale_ends=st.just(False) if atomic else st.booleans(),
    )


def runs(number: int) -> settings:
    return settings(max_examples=choose_size(number, 6 * number, 400 * number), database=None)


@pytest.mark.sampled
@runs(100)
@given(scenarios(servers=3, atomic=False))
def test_guarantees_hold_for_several_servers_on_log_with_non_atomic_appends(scenario: Scenario) -> None:
    asyncio.run(run_and_check(scenario, NOWHERE))


@pytest.mark.sampled
@runs(50)
@given(scenarios(servers=1, atomic=True))
def test_guarantees_hold_for_one_restarting_server_on_log_with_atomic_appends(scenario: Scenario) -> None:
    asyncio.run(run_and_check(scenario, NOWHERE))


@pytest.mark.sampled
@runs(10)
@given(seed=st.integers(0, 2**32), atomic=st.booleans())
def test_guarantees_hold_for_servers_on_the_real_file_of_the_projection(seed: int, atomic: bool) -> None:
    scenario = Scenario(seed, 200, 1 if atomic else 2, atomic, "file", injects_records=seed % 2 == 0)
    with TemporaryDirectory() as directory:
        asyncio.run(run_and_check(scenario, Path(directory)))


def test_simulation_covers_every_verdict_and_answer() -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(150):
        outcomes.update(_count_outcomes(*asyncio.run(run_and_check(Scenario.from_seed(seed), NOWHERE))))
    expected = {"fact", "refusal on the log", "void", "foreign", "broken"}
    expected |= {"first receipt", "receipt of a retry", "receipt read back", "recorded refusal"}
    assert expected | {"preview", "refusal", *_KINDS.values()} <= outcomes.keys()
    assert min(outcomes[name] for name in ("void", "receipt of a retry", "receipt read back", "refusal")) > 50


def _count_outcomes(run: Run, reference: ReferenceFold) -> Counter[str]:
    outcomes = Counter(
        {
            "fact": sum(map(len, reference.facts.values())),
            "refusal on the log": len(reference.refusals),
            "void": len(reference.void),
            "foreign": len(reference.foreign),
        }
    )
    outcomes["broken"] = sum(map(len, reference.broken.values()))
    for call in run.calls:
        answer = call.answer
        if isinstance(answer, Accepted):
            outcomes["receipt of a retry" if answer.replayed else "first receipt"] += 1
            outcomes["receipt read back"] += answer.record is None
        elif isinstance(answer, Preview):
            outcomes["preview"] += 1
        elif isinstance(answer, Refusal) and answer.message == MESSAGE:
            outcomes["recorded refusal"] += 1
        elif isinstance(answer, Refusal):
            outcomes[_KINDS.get(answer.reason, "refusal")] += 1
    return +outcomes


_KINDS: dict[int, str] = {
    reasons.ERROR_REASON_REQUEST_ID_REUSED: "reuse of a request id",
    reasons.ERROR_REASON_VERSION_MISMATCH: "version mismatch",
    reasons.ERROR_REASON_ORDER_PARKED: "parked",
    reasons.ERROR_REASON_UNAVAILABLE: "unavailable",
    reasons.ERROR_REASON_OVERLOADED: "overloaded",
}
