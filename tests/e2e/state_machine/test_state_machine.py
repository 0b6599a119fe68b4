"""A server answers as a small model does, whatever hypothesis sends to it, and however often it is killed meanwhile.

Each of these faults of the product fails the trial, which was tried: an order as of a time lacks the fact of exactly
that time (`history/version_search.py`), the last line of an order can be removed (`orders/decide.py`), a part of each
line makes an order SHIPPED (`orders/evolve.py`), and a retry's receipt is not marked as replayed
(`commands/batch_plan.py`).
"""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.e2e.running_server import RunningServer
from tests.e2e.state_machine.machine import OrderMachine
from tests.trials import choose_size

EXAMPLES, STEPS = choose_size(3, 9, 2_000), choose_size(20, 100, 200)


@pytest.mark.sampled
@pytest.mark.timeout(300 + 30 * EXAMPLES)
def test_every_answer_is_that_of_the_model(tmp_path: Path) -> None:
    OrderMachine.server = server = RunningServer(tmp_path / "data").start()
    begin = time.monotonic()
    try:
        run_state_machine_as_test(
            OrderMachine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                suppress_health_check=list(HealthCheck),
                database=None,
                # Each step talks to a server, so a failure is not reduced for long.
                phases=[Phase.generate],
            ),
        )
        assert server.stop() == 0
        assert server.faults == []
    finally:
        server.close()
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(OrderMachine.counts.items()))
    print(f"\n{EXAMPLES} runs of {STEPS} steps in {time.monotonic() - begin:.0f} s: {counts}")
