"""Random calls to every rpc get answers of the contract, and broken connections harm nobody.

Each of these faults fails the trial, which was tried: the bounds of fields are not checked (`edge/validation.py`), and
the library decodes the paths of calls (without `edge/call_acceptor.py`).

ORDERTRAIL_FUZZ_SEED repeats the choices of a run. Answers, on which later requests depend, may differ.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.fuzz.frames import break_connections
from tests.e2e.fuzz.fuzzer import TARGETS, Fuzzer
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.trials import choose_size

from ordertrail.client import connect

SEED = os.environ.get("ORDERTRAIL_FUZZ_SEED", str(time.time_ns()))
MEBIBYTE = 1 << 20
CALLS, CALL_SECONDS = choose_size(1_500, 1_000_000, 10_000_000), choose_size(3, 45, 36_000)
CONNECTIONS, CONNECTION_SECONDS = choose_size(100, 5_000, 100_000), choose_size(2, 8, 1_000)
# Caches and pools of threads fill during the first calls. After them, memory may only grow by this.
GROWTH = 64 * MEBIBYTE


@pytest.fixture
def fuzzed_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server whose webhooks may connect to this machine, where nothing listens."""
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8"}).start()
    yield server
    server.close()


@pytest.mark.sampled
@pytest.mark.timeout(300 + CALL_SECONDS)
async def test_random_calls_get_answers_of_the_contract_in_bounded_memory(fuzzed_server: RunningServer) -> None:
    await wait_until_serving(fuzzed_server.address)
    fuzzer, begin = Fuzzer(fuzzed_server.address, SEED), time.monotonic()
    await fuzzer.run(CALLS // 4, CALL_SECONDS / 4)
    memory = fuzzed_server.resident_bytes
    await fuzzer.run(CALLS - CALLS // 4, CALL_SECONDS * 3 / 4)
    seconds, growth = time.monotonic() - begin, fuzzed_server.resident_bytes - memory
    print(
        f"\n{fuzzer.count:,} random calls (ORDERTRAIL_FUZZ_SEED={SEED}) in {seconds:.0f} s, "
        f"{len(fuzzer.answered_paths)} of {len(TARGETS)} rpcs answered with OK; memory {memory / MEBIBYTE:.0f} MiB "
        f"after a quarter, then {growth / MEBIBYTE:+.0f} MiB; {dict(fuzzer.outcomes.most_common())}"
    )
    await assert_unharmed(fuzzed_server)
    assert growth < GROWTH


@pytest.mark.sampled
@pytest.mark.timeout(300 + CONNECTION_SECONDS)
async def test_server_survives_broken_connections_in_bounded_memory(fuzzed_server: RunningServer) -> None:
    await wait_until_serving(fuzzed_server.address)
    memory = fuzzed_server.resident_bytes
    outcomes = await break_connections(fuzzed_server.address, SEED, CONNECTIONS, CONNECTION_SECONDS)
    growth = fuzzed_server.resident_bytes - memory
    print(
        f"\n{outcomes.total():,} broken connections (ORDERTRAIL_FUZZ_SEED={SEED}): {dict(outcomes)}; "
        f"memory {memory / MEBIBYTE:.0f} MiB, then {growth / MEBIBYTE:+.0f} MiB"
    )
    await assert_unharmed(fuzzed_server)
    assert growth < GROWTH


async def assert_unharmed(server: RunningServer) -> None:
    """Assert that the server serves, has reported no fault, and stops as usual."""
    await wait_until_serving(server.address)
    async with connect(server.address, timeout=60) as orders:
        assert (await orders.send(build_order())).order_version == 1
    assert server.stop() == 0
    assert server.faults == []
