"""Given a log and a saved position, when the log is replaced, then the subscription notices."""

from tests.log.memory import MemoryLog
from tests.subscriptions.state_records import FIRST, claimed, created, record

from ordertrail_server.log.port import Entry
from ordertrail_server.subscriptions.changes import Saved
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.witnesses import find_loss, find_witnesses

LOG_ID = b"\1" * 16  # that of the sample records


def log_of(*values: bytes, identity: bytes = LOG_ID) -> MemoryLog:
    log = MemoryLog(partitions=1, identity=identity)
    for value in values:
        log.land(0, Entry("o-1", value))
    return log


async def state_at(log: MemoryLog, offset: int) -> SubscriptionState:
    """Return the state of a subscription whose saved position and witness are on this log."""
    state = SubscriptionState()
    for first_record in (created(), claimed(FIRST), record(FIRST, Saved(0, offset))):
        state.fold(first_record)
    for witness in await find_witnesses(log, state):
        state.apply(witness)
    return state


async def test_same_log_is_no_loss_even_if_it_has_grown() -> None:
    state = await state_at(log_of(b"a", b"b"), 2)
    assert await find_loss(log_of(b"a", b"b", b"c"), state) == ""


async def test_shorter_log_is_a_loss() -> None:
    state = await state_at(log_of(b"a", b"b"), 2)
    assert "ends at offset 1" in await find_loss(log_of(b"a"), state)


async def test_log_with_another_record_before_the_position_is_a_loss() -> None:
    state = await state_at(log_of(b"a", b"b"), 2)
    assert "is not the one that was read there before" in await find_loss(log_of(b"a", b"x", b"c"), state)


async def test_log_of_another_identity_is_a_loss() -> None:
    state = await state_at(log_of(b"a"), 1)
    assert await find_loss(log_of(b"a", identity=b"\2" * 16), state) == "it belongs to another log"


async def test_position_that_has_not_moved_needs_no_new_witness() -> None:
    log = log_of(b"a", b"b")
    assert await find_witnesses(log, await state_at(log, 2)) == []
    assert await find_witnesses(log, await state_at(log, 0)) == []
