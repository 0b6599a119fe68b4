"""Sample state records."""

from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.subscriptions.changes import Change, Claimed, Created, LimitsChanged
from ordertrail_server.subscriptions.definition import Definition
from ordertrail_server.subscriptions.state_record import UNCLAIMED, Claim, StateRecord

FIRST, SECOND = Claim(1, "server-1"), Claim(2, "server-2")


def created(uid: str = "uid-1", partitions: int = 1) -> StateRecord:
    definition = Definition(
        uid, "mails", EventFilter(EVERYTHING, customer_id="shop-1", types=(2, 3)), "now", 17, b"\1" * 16
    )
    changes = (Created(definition.to_json(), [0] * partitions), LimitsChanged(3, 60.0))
    return StateRecord(uid, UNCLAIMED, changes)


def claimed(claim: Claim, uid: str = "uid-1") -> StateRecord:
    return StateRecord(uid, claim, (Claimed(),))


def record(claim: Claim, *changes: Change, uid: str = "uid-1") -> StateRecord:
    return StateRecord(uid, claim, changes)
