"""Several servers on one topic of subscriptions: whatever they believe and whatever is stored late, terms decide."""

import asyncio
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings, strategies as st
from tests.subscriptions.memory_topic import MemoryTopic
from tests.trials import choose_size

from ordertrail_server.log.port import Entry, Logged
from ordertrail_server.subscriptions.changes import Saved
from ordertrail_server.subscriptions.kafka import state_message
from ordertrail_server.subscriptions.kafka.kafka_state_log import KafkaStateLog
from ordertrail_server.subscriptions.kafka.state_message import decode_message
from ordertrail_server.subscriptions.kafka.topic_fold import TopicFold
from ordertrail_server.subscriptions.state_log import StateUnavailable, TermLost
from ordertrail_server.subscriptions.state_record import Claim, StateRecord

PART_CHARACTERS = 12
"""So short that each record is stored in several messages."""

STEPS, CUT_MESSAGES, UIDS = 120, 12, ("a", "b", "c")
CHECK_STEPS = 10
"""A check folds the whole topic, which takes longer than so many steps."""


def fold(messages: list[Logged]) -> TopicFold:
    topic_fold = TopicFold()
    for offset, key, value, _ in messages:
        topic_fold.fold(offset, decode_message(key, value))
    return topic_fold


def number_of(record: StateRecord) -> int:
    [change] = record.changes
    assert isinstance(change, Saved)
    return change.offset


class Server:
    """A server that repeats a write while its outcome is unknown, and may begin another write instead."""

    def __init__(self, log: KafkaStateLog) -> None:
        self.log, self.repeated = log, list[StateRecord]()


class World:
    """Servers on one topic. Each record has a number of its own; numbers grow."""

    def __init__(self, random: Random) -> None:
        self.random, self.topic = random, MemoryTopic(random)
        self.servers: list[Server] = []
        self.newest: Server | None = None
        self.count = 0
        self.confirmed: dict[str, list[int]] = {uid: [] for uid in UIDS}
        self.forbidden: set[int] = set()

    async def step(self) -> None:
        match self.random.randrange(12):
            case 0:
                await self.begin_term()
            case 1:
                self.topic.store_late()
            case 2:
                self.topic.store(
                    Entry(self.random.choice(UIDS), self.random.choice([b"", b"{}", b"\xff", b'{"term":1}']))
                )
            case _ if self.servers:
                await self.write(self.random.choice(self.servers))

    async def begin_term(self) -> None:
        try:
            server = Server(await KafkaStateLog.open(self.topic, f"server-{self.count}", CUT_MESSAGES))
        except (TermLost, StateUnavailable):
            return
        records = await server.log.read()
        self.check_records(records)
        self.servers.append(server)
        self.newest = server

    async def write(self, server: Server) -> None:
        uid = server.log.stale_uid() or self.random.choice(UIDS)
        is_replacement = server.log.stale_uid() is not None or self.random.random() < 0.1
        if not server.repeated or self.random.random() < 0.2:
            server.repeated = [
                self.new_record(server, uid) for _ in range(1 if is_replacement else self.random.randint(1, 3))
            ]
        uid = server.repeated[0].uid
        if is_replacement:
            server.repeated = server.repeated[:1]
            self.confirmed[uid] = []  # it may count from now on
        try:
            if is_replacement:
                await server.log.replace(uid, server.repeated)
            else:
                await server.log.append(server.repeated)
        except StateUnavailable:
            return
        except TermLost:
            self.servers.remove(server)
            return
        assert server is self.newest, "a write was confirmed after another term had begun"
        self.confirmed[uid] += [number_of(record) for record in server.repeated]
        server.repeated = []

    async def finish(self) -> None:
        """Let nothing go wrong any more: a server whose term is over notices it with its next write."""
        self.topic.random = None
        former = [server for server in self.servers if server is not self.newest]
        for server in [*self.servers]:
            await self.write(server)
        assert not set(former) & set(self.servers)

    def new_record(self, server: Server, uid: str) -> StateRecord:
        self.count += 1
        if server is not self.newest:
            self.forbidden.add(self.count)
        return StateRecord(uid, Claim(1, "owner"), (Saved(0, self.count),))

    def check(self) -> None:
        whole, cut = fold(self.topic.history), fold(self.topic.messages)
        assert (whole.term, whole.records()) == (cut.term, cut.records())
        self.check_records(cut.records())

    def check_records(self, records: list[StateRecord]) -> None:
        assert self.forbidden.isdisjoint(map(number_of, records)), "a record of an ended term counts"
        for uid in UIDS:
            numbers = [number_of(record) for record in records if record.uid == uid]
            confirmed = [number for number in numbers if number in self.confirmed[uid]]
            assert list(dict.fromkeys(confirmed)) == list(dict.fromkeys(self.confirmed[uid])), (
                "a confirmed record is lost"
            )


@pytest.fixture(scope="module", autouse=True)
def _short_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_message, "PART_CHARACTERS", PART_CHARACTERS)
        yield


@pytest.mark.sampled
@settings(max_examples=choose_size(20, 400, 50_000))
@given(st.integers(0, 2**32))
def test_terms_decide_which_records_count(seed: int) -> None:
    asyncio.run(run_world(World(Random(seed))))


async def run_world(world: World) -> None:
    for number in range(STEPS):
        await world.step()
        if number % CHECK_STEPS == 0:
            world.check()
    await world.finish()
    world.check()
