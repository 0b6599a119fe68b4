"""Commits keep the topic of subscriptions short, also if some subscriptions are idle."""

from tests.subscriptions.memory_topic import MemoryTopic
from tests.subscriptions.state_records import created

from ordertrail_server.subscriptions.changes import Saved
from ordertrail_server.subscriptions.commit_buffer import CommitBuffer
from ordertrail_server.subscriptions.committer import Commit, Committer
from ordertrail_server.subscriptions.kafka.kafka_state_log import KafkaStateLog
from ordertrail_server.subscriptions.state import SubscriptionState

CUT_MESSAGES = 10


class Subscription:
    """A subscription as the committer knows it."""

    def __init__(self, uid: str) -> None:
        self.state = SubscriptionState()
        self.state.fold(created(uid))
        self.buffer = CommitBuffer(self.state, "server-1", 0)

    def take_commit(self) -> Commit:
        return self.buffer.take()

    def save(self, offset: int) -> None:
        self.buffer.claim()
        self.state.apply(Saved(0, offset))
        self.buffer.add([Saved(0, offset)])


async def test_topic_is_cut_although_most_subscriptions_are_idle() -> None:
    topic, subscriptions = MemoryTopic(), {uid: Subscription(uid) for uid in ("a", "b", "c")}
    log = await KafkaStateLog.open(topic, "server-1", CUT_MESSAGES)
    await log.append([created(uid) for uid in subscriptions])

    def request_snapshot(uid: str) -> None:
        subscriptions[uid].buffer.request_snapshot()
        committer.note_change(subscriptions[uid])

    committer = Committer(log, request_snapshot)
    for offset in range(1, 101):
        subscriptions["a"].save(offset)
        committer.note_change(subscriptions["a"])
        await committer.flush()
        assert len(topic.messages) < 3 * CUT_MESSAGES
    states = {uid: SubscriptionState() for uid in subscriptions}
    for record in await (await KafkaStateLog.open(topic, "server-2")).read():
        states[record.uid].fold(record)
    assert {uid: state.to_changes() for uid, state in states.items()} == {
        uid: subscription.state.to_changes() for uid, subscription in subscriptions.items()
    }
