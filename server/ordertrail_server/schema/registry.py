"""Which stored message is which version of what, how each reads as the next, and as what each public event is written.

`Record` lists every version of every event; this module says how they hang together. Rules that messages declare by
options join HOPS here, compiled; `proof` shows at start that nothing is missing, whatever way a hop was made.
"""

from typing import TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ordertrail.events.v1 import order_events_pb2 as events_v1
from ordertrail.events.v2 import order_events_pb2 as events_v2
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1 import order_events_pb2 as public
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema import v1
from ordertrail_server.schema.upcasting import Hop

Event: TypeAlias = (
    public.OrderPlaced
    | public.OrderLineAdded
    | public.OrderLineQuantityChanged
    | public.OrderLineRemoved
    | public.OrderDeliveryRescheduled
    | public.OrderConfirmed
    | public.OrderShipped
    | public.OrderDelivered
    | public.OrderCancelled
    | public.OrderReturned
)
Statement: TypeAlias = events_v1.OrderPlaced | events_v1.OrderCreated

# A message without a hop is the newest of its kind: it has the wire shape of the public event of the same name.
HOPS: dict[type[Message], Hop] = {
    events_v1.OrderPlaced: Hop(events_v2.OrderPlaced, v1.order_placed),
    events_v1.OrderCreated: Hop(events_v2.OrderPlaced, v1.order_created),
}


def version_of(message: Descriptor) -> int:
    """Return the version of a stored message: 2 if its package is `ordertrail.events.v2`, 0 if that names none."""
    version = message.file.package.rpartition(".v")[2]
    return int(version) if version.isdigit() else 0


def cases(record: Descriptor = Record.DESCRIPTOR) -> list[FieldDescriptor]:
    """Return every version of every event, as the fields of the record."""
    return list(record.oneofs_by_name["event"].fields)


def public_events(history_event: Descriptor = HistoryEvent.DESCRIPTOR) -> dict[str, FieldDescriptor]:
    """Return {name of a public event: its field of `HistoryEvent`}."""
    return {message_of(field).name: field for field in history_event.oneofs_by_name["event"].fields}


def written_as() -> list[tuple[FieldDescriptor, FieldDescriptor]]:
    """Return each newest case with the field of `HistoryEvent` that is written as it, and reads from it."""
    public = public_events()
    newest = [case for case in cases() if message_class(message_of(case)) not in HOPS]
    return [(case, public[name]) for case in newest if (name := message_of(case).name) in public]


def message_of(field: FieldDescriptor) -> Descriptor:
    """Return the message that an event's field holds."""
    if field.message_type is None:
        raise TypeError(f"{field.full_name} holds no message, so it can be no event")
    return field.message_type


def message_class(message: Descriptor) -> type[Message]:
    """Return the class of a message."""
    return GetMessageClass(message)
