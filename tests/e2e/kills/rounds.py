"""Rounds in which a random process is killed under load: a server, a projector or a consumer.

ORDERTRAIL_KILL_SEED repeats the moments of a run.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from aiohttp import web
from tests.e2e.kills.side_effects import (
    ConsumerProcess,
    Effect,
    assert_consumers_kept_their_promises,
    assert_posts_kept_their_promises,
    fact_names,
    read_effects,
)
from tests.e2e.reference_fold import ReferenceFold
from tests.e2e.running_server import RunningServer
from tests.e2e.submission_load import SEED, Callers, Observations, assert_nothing_is_lost
from tests.trials import choose_size
from tests.webhooks.receiver import Answer, ReceivedPost, Receiver, run_receiver, status

from ordertrail.client import connect

ROUNDS, SECONDS = choose_size(2, 1_000, 100_000), choose_size(60, 120, 3_600)
"""A run ends after so many rounds or seconds, whichever comes first."""

WEBHOOK_SETTINGS = {"WEBHOOK_ALLOW": "127.0.0.0/8"}
CONSUMERS, SUBSCRIPTION, WEBHOOK = 2, "effects", "posts"
MANY_ATTEMPTS = 1_000
FAILED_SHARE = 0.02
COMMANDS_OF_A_ROUND = 50


class Run(NamedTuple):
    """What a run left behind. `continued` are the seconds from a server's restart to the next effect."""

    observations: Observations
    effects: list[Effect]
    posts: list[ReceivedPost]
    continued: list[float]
    kills: list[str]

    def assert_promises(self, reference: ReferenceFold) -> None:
        assert_nothing_is_lost(self.observations, reference)
        facts = fact_names(reference)
        assert_consumers_kept_their_promises(self.effects, facts)
        assert_posts_kept_their_promises(self.posts, facts)
        counts = {kind: self.kills.count(kind) for kind in sorted(set(self.kills))}
        print(
            f"killed {counts}; {len(facts):,} facts, {len(self.effects):,} lines of consumers, {len(self.posts):,} "
            f"POSTs; from the restart of a server to the next effect at most {max(self.continued, default=0):.2f} s"
        )


async def run_rounds(servers: list[RunningServer], folder: Path) -> Run:
    """Run the rounds, and wait until all is decided and delivered."""
    path = folder / "effects.jsonl"
    async with run_receiver() as receiver, _consumers(servers, path) as consumers:
        receiver.default = _answer_mostly(Random(f"{SEED}/answers"))
        await _subscribe(servers[0].address, receiver)
        for consumer in consumers:
            consumer.start()
        callers = Callers([server.address for server in servers])
        kills, continued = await _kill_repeatedly(
            servers, consumers, callers, lambda: _size(path) + len(receiver.posts)
        )
        observations = await callers.stop()
        await _wait_until_delivered(servers[0].address)
    return Run(observations, read_effects(path), receiver.posts, continued, kills)


async def _kill_repeatedly(
    servers: list[RunningServer], consumers: list[ConsumerProcess], callers: Callers, count_effects: Callable[[], int]
) -> tuple[list[str], list[float]]:
    kills, continued, end = list[str](), list[float](), time.monotonic() + SECONDS
    while len(kills) < ROUNDS and time.monotonic() < end:
        random, before = Random(f"{SEED}/{len(kills)}"), len(callers.observations.ids)
        await _wait_until(partial(_has_ids, callers, before + COMMANDS_OF_A_ROUND))
        await asyncio.sleep(random.uniform(0, 0.5))
        kind = random.choice(["server", "server", "projector", "consumer"])
        kills.append(kind)
        if kind == "consumer":
            await asyncio.to_thread(random.choice(consumers).restart)
        elif kind == "projector":
            _kill_projector(random.choice(servers))
        else:
            continued.append(await _restart(random.choice(servers), count_effects))
    return kills, continued


async def _restart(server: RunningServer, count_effects: Callable[[], int]) -> float:
    """Return the seconds until the next effect."""
    server.kill()
    server.spawn()
    await asyncio.to_thread(server.wait_until_listening)
    begin, count = time.monotonic(), count_effects()
    await _wait_until(lambda: count_effects() > count)
    return time.monotonic() - begin


def _kill_projector(server: RunningServer) -> None:
    # After the kill of a round before, the next one may not run yet.
    with suppress(ValueError, ProcessLookupError):
        os.kill(server.projector, signal.SIGKILL)


async def _subscribe(address: str, receiver: Receiver) -> None:
    async with connect(address, timeout=60) as orders:
        await orders.create_subscription(SUBSCRIPTION, max_attempts=MANY_ATTEMPTS)
        url = f"http://127.0.0.1:{receiver.port}/"
        await orders.create_webhook(WEBHOOK, url, max_attempts=MANY_ATTEMPTS, max_in_flight=20)


async def _wait_until_delivered(address: str) -> None:
    async with asyncio.timeout(120), connect(address, timeout=60) as orders:
        for name in (SUBSCRIPTION, WEBHOOK):
            while (await orders.subscription(name)).lag_count:  # noqa: ASYNC110 (consumers of other processes work)
                await asyncio.sleep(0.1)


def _has_ids(callers: Callers, count: int) -> bool:
    return len(callers.observations.ids) >= count


async def _wait_until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not is_true():  # noqa: ASYNC110 (other processes change it)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _consumers(servers: list[RunningServer], path: Path) -> AsyncIterator[list[ConsumerProcess]]:
    addresses = [servers[number % len(servers)].address for number in range(CONSUMERS)]
    consumers = [
        ConsumerProcess(address, SUBSCRIPTION, path, f"{SEED}/{number}") for number, address in enumerate(addresses)
    ]
    try:
        yield consumers
    finally:
        for consumer in consumers:
            consumer.close()


def _answer_mostly(random: Random) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await status(500 if random.random() < FAILED_SHARE else 200)(request)

    return answer


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
