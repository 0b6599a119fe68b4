"""A bit that a disk flips in any file of a data directory leads to no wrong answer and no wrong_answers fact."""

import os
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

import pytest
from tests.e2e.damage.base_directory import Base
from tests.e2e.damage.bit_flips import Flip, choose_flip
from tests.e2e.damage.command_traffic import CommandTraffic
from tests.e2e.damage.copied_server import run_copy
from tests.e2e.running_server import RunningServer
from tests.trials import choose_size

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.schema.reading import read

# Flips in each of the three states of a server.
FLIPS = choose_size(4, 36, 360)
FLIPS_A_START = 3
FLIPS_A_RUN = 20
REQUESTS = 60
SEED = int(os.environ.get("ORDERTRAIL_FLIP_SEED", str(time.time_ns())))

pytestmark = [pytest.mark.sampled, pytest.mark.timeout(300 + 20 * FLIPS)]


@pytest.mark.parametrize("state", ["stopped", "killed"])
async def test_bits_flipped_before_a_start_lead_to_no_wrong_answer(base: Base, tmp_path: Path, state: str) -> None:
    directory = base.stopped if state == "stopped" else base.killed
    for number in range(-(-FLIPS // FLIPS_A_START)):
        random = Random(SEED + number)
        flips = [choose_flip(directory, random) for _ in range(FLIPS_A_START)]
        async with run_copy(directory, tmp_path / str(number), partial(apply_all, flips)) as (server, channel):
            if not can_start(server, flips):
                continue
            traffic = CommandTraffic()
            wrong_answers = await base.answers.find_wrong_answers(channel, random, REQUESTS)
            wrong_answers += await traffic.find_wrong_answers(channel, random)
            assert_right(wrong_answers, flips, server)
            await assert_facts(server, flips, traffic)


async def test_bits_flipped_in_the_files_of_a_running_server_lead_to_no_wrong_answer(
    base: Base, tmp_path: Path
) -> None:
    done = 0
    while done < FLIPS:
        random, flips, traffic = Random(SEED + done), list[Flip](), CommandTraffic()
        async with run_copy(base.stopped, tmp_path / str(done)) as (server, channel):
            server.wait_until_listening()
            while len(flips) < FLIPS_A_RUN and not any(flip.is_irreplaceable for flip in flips):
                flips.append(choose_flip(server.data, random))
                flips[-1].apply(server.data)
                wrong_answers = await base.answers.find_wrong_answers(channel, random, REQUESTS // 2)
                wrong_answers += await traffic.find_wrong_answers(channel, random)
                assert_right(wrong_answers, flips, server)
            await assert_facts(server, flips, traffic)
        done += len(flips)


def apply_all(flips: Sequence[Flip], data: Path) -> None:
    for flip in flips:
        flip.apply(data)


def can_start(server: RunningServer, flips: list[Flip]) -> bool:
    """Return whether the server listens. Only a file that nothing can restore may keep it from that."""
    try:
        server.wait_until_listening()
    except AssertionError:
        assert any(flip.is_irreplaceable for flip in flips), f"{flips}, seed {SEED}: {server.stderr}"
        return False
    return True


def assert_right(wrong_answers: list[str], flips: list[Flip], server: RunningServer) -> None:
    assert wrong_answers == [], f"{flips}, seed {SEED}: {server.stderr}"
    # Only a file that nothing can restore ends a server.
    assert not server.has_ended or any(flip.is_irreplaceable for flip in flips), (
        f"{flips}, seed {SEED}: {server.stderr}"
    )


async def assert_facts(server: RunningServer, flips: list[Flip], traffic: CommandTraffic) -> None:
    """Assert that each receipt is a fact of the log, and that no request led to two facts."""
    if any(flip.is_irreplaceable for flip in flips):
        return
    assert server.faults == []
    records = {position: request async for position, request in _read_requests(server.data)}
    assert len(set(records.values())) == len(records), f"{flips}, seed {SEED}"
    for receipt in traffic.receipts:
        assert records[receipt.position.offset] == (receipt.order_id, receipt.request_id), f"{flips}, seed {SEED}"


async def _read_requests(data: Path) -> AsyncIterator[tuple[int, tuple[str, str]]]:
    log, offset = EmbeddedLog.follow(data), 0
    try:
        while records := await log.read(0, offset, 5_000):
            for record in records:
                reading = read(record.value)
                if reading is not None and record.key.startswith(("base-", "changing-")):
                    yield record.offset, (record.key, reading.event.cause.request_id)
            offset = records[-1].offset + 1
    finally:
        await log.close()
