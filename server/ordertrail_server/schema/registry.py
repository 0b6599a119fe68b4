"""The registry of all stored versions that this release reads and writes, built once at start.

`Record` lists the versions, and their options relate them. `proof` checks at start that nothing is missing.
"""

from typing import Final, TypeAlias

from ordertrail.events.v1 import order_events_pb2 as events_v1
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1 import order_events_pb2 as public
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema.cases import cases
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.public_hops import PublicHops
from ordertrail_server.schema.readers import Reader, Readers

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

FAMILIES: Final = Families(Record.DESCRIPTOR)
PUBLIC: Final = PublicHops(FAMILIES, Record.DESCRIPTOR, HistoryEvent.DESCRIPTOR)

_OF: Final = Readers(FAMILIES, PUBLIC).of
READERS: Final[dict[int, Reader]] = {case.number: reader for case in cases() if (reader := _OF(case)) is not None}
"""The reader of each version of each event, by its number in the record. A message with a gap may have none."""
