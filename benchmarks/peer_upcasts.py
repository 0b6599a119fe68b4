"""Old events read today, by rules and by the Python library `eventsourcing`, whose upcasts are functions over JSON.

There a class of events has a number, and one static method for each number before it that changes the decoded state.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import register_topic

from benchmarks import changes
from benchmarks.changes import in_turn
from benchmarks.drafts import Change
from benchmarks.grown_tree import versions_of
from benchmarks.samples import PRICE, lines
from benchmarks.table import Row
from benchmarks.timing import microseconds

State = dict[str, Any]
ORDER_ID: Final = UUID(int=1)


def measure(hops: int) -> Row:
    """Return the µs from stored bytes to the event of today, of an event that many versions old, ours and theirs."""
    mapper, stored = _mapper(), _stored(hops)
    theirs: Callable[[], object] = partial(mapper.to_domain_event, stored)
    mine, limit = microseconds([versions_of(in_turn(hops))[0].read, theirs])
    plural = "" if hops == 1 else "s"
    return Row(f"event {hops} hop{plural} old, to today's", "µs", mine, "eventsourcing, from JSON", limit)


def _mapper() -> Mapper[UUID]:
    transcoder = JSONTranscoder()
    transcoder.register(DatetimeAsISO())
    return Mapper(transcoder)


def _stored(hops: int) -> StoredEvent:
    """Return the same order as `versions_of` has, as a class of version 1 stored it; it reads as one `hops` later."""
    topic = f"benchmarks:OrderPlaced_{hops}"
    upcasts = {
        f"upcast_v{version}_v{version + 1}": staticmethod(_UPCASTS[change])
        for version, change in enumerate(in_turn(hops), 1)
    }
    grown = type("OrderPlaced", (DomainEvent,), {"class_version": hops + 1, **upcasts})
    register_topic(topic, grown)
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
    # The name stays the same, so that there may be any number of renamings; the work does not.
    state["customer_id"] = state.pop("customer_id")


def _add_literal(state: State) -> None:
    state["weight"] = 1.5


def _widen(state: State) -> None:
    state["weight"] = float(state["weight"])


def _make_a_list(state: State) -> None:
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
    changes.rename: _rename,
    changes.add_literal: _add_literal,
    changes.widen: _widen,
    changes.make_a_list: _make_a_list,
    changes.drop: _drop,
    changes.map_enum: _map_enum,
    changes.move: _move,
}
