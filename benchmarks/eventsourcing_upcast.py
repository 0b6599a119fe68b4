"""Reading old events: Ordertrail's rules compared with the Python library `eventsourcing`, which upcasts decoded JSON.

In `eventsourcing` an event class has a version number, and a static method for each older version that upcasts the
decoded state by one version.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import register_topic

from benchmarks import schema_change
from benchmarks.call_timing import microseconds
from benchmarks.evolved_schema import build_versions
from benchmarks.sample_orders import PRICE, lines
from benchmarks.schema_change import cycle_changes
from benchmarks.table import Row
from benchmarks.version_draft import Change

State = dict[str, Any]
ORDER_ID: Final = UUID(int=1)


def measure(hops: int) -> Row:
    """Return the µs to read an event that is `hops` versions old, with Ordertrail and with eventsourcing."""
    mapper, stored = _mapper(), _stored(hops)
    eventsourcing_read: Callable[[], object] = partial(mapper.to_domain_event, stored)
    ours, limit = microseconds([build_versions(cycle_changes(hops))[0].read, eventsourcing_read])
    plural = "" if hops == 1 else "s"
    return Row(f"read an event that is {hops} version{plural} old", "µs", ours, "eventsourcing, from JSON", limit)


def _mapper() -> Mapper[UUID]:
    transcoder = JSONTranscoder()
    transcoder.register(DatetimeAsISO())
    return Mapper(transcoder)


def _stored(hops: int) -> StoredEvent:
    """Return the order of `build_versions` as stored by version 1 of a class that now has `hops` further versions."""
    topic = f"benchmarks:OrderPlaced_{hops}"
    upcasts = {
        f"upcast_v{version}_v{version + 1}": staticmethod(_UPCASTS[change])
        for version, change in enumerate(cycle_changes(hops), 1)
    }
    event_class = type("OrderPlaced", (DomainEvent,), {"class_version": hops + 1, **upcasts})
    register_topic(topic, event_class)
    state = _mapper().transcoder.encode(_order() | {"timestamp": datetime(2026, 12, 1, tzinfo=UTC)})
    return StoredEvent(ORDER_ID, 1, topic, state)


def _order() -> State:
    price = {"currency_code": PRICE.currency_code, "units": PRICE.units, "nanos": PRICE.nanos}
    return {
        "customer_id": "shop-1",
        "lines": [
            {"product_id": line.product_id, "quantity": line.quantity, "unit_price": dict(price)} for line in lines(1)
        ],
        "expected_delivery_date": {"year": 2026, "month": 12, "day": 24},
        "priority": 2,
        "note": "second floor, ring twice",
        "door": "on the left",
    }


def _rename(state: State) -> None:
    # The key keeps its name, so that the renaming can be repeated; the work is the same.
    state["customer_id"] = state.pop("customer_id")


def _add_literal(state: State) -> None:
    state["weight"] = 1.5


def _widen(state: State) -> None:
    state["weight"] = float(state["weight"])


def _make_repeated(state: State) -> None:
    state["weight"] = [state["weight"]]


def _drop(state: State) -> None:
    del state["weight"]


def _map_enum(state: State) -> None:
    state["priority"] = {0: 0, 1: 1}.get(state["priority"], state["priority"] + 1)


def _move(state: State) -> None:
    if "delivery" in state:
        state.update(state.pop("delivery"))
    else:
        state["delivery"] = {"note": state.pop("note"), "door": state.pop("door")}


_UPCASTS: Final[dict[Change, Callable[[State], None]]] = {
    schema_change.rename: _rename,
    schema_change.add_literal: _add_literal,
    schema_change.widen: _widen,
    schema_change.make_repeated: _make_repeated,
    schema_change.drop: _drop,
    schema_change.map_enum: _map_enum,
    schema_change.move: _move,
}
