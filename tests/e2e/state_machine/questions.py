"""Questions about orders and their history, whose answers must be those of the model."""

from collections.abc import Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.state_machine.log_model import Fact, ModelLog
from tests.e2e.state_machine.order_model import State, read_state

from ordertrail.client import OrderTrail
from ordertrail.errors import NotFound
from ordertrail.v1.history_event_pb2 import HistoryEvent

MOMENTS = ("token", "time", "just before")

Find = Callable[[str], State | None]


async def compare_present(orders: OrderTrail, log: ModelLog, order_id: str) -> None:
    """Compare an order as it is."""
    assert await _get(orders, order_id, at_least_as_fresh=log.tokens) == log.present(order_id)


async def compare_version(orders: OrderTrail, log: ModelLog, fact: Fact) -> None:
    """Compare an order as of each version up to the one after a fact's."""
    order_id, facts = fact.state.order_id, log.facts_of(fact.state.order_id)
    for version in range(fact.state.version, fact.state.version + 2):
        expected = facts[version - 1].state if version <= len(facts) else None
        assert await _get(orders, order_id, version=version, at_least_as_fresh=log.tokens) == expected


async def compare_moment(orders: OrderTrail, log: ModelLog, order_id: str, fact: Fact, moment: str) -> None:
    """Compare an order as of a moment: a token that includes the fact, its time, or the nanosecond before."""
    point, find = _describe_moment(log, fact, moment)
    assert await _get(orders, order_id, **point, at_least_as_fresh=log.tokens) == find(order_id)


async def compare_list(orders: OrderTrail, log: ModelLog, fact: Fact | None, moment: str, page_size: int) -> None:
    """Compare the orders of the customer as they are, or as of a moment."""
    point, find = _describe_moment(log, fact, moment) if fact else ({}, log.present)
    listed = orders.list_orders(customer_id=log.customer, page_size=page_size, at_least_as_fresh=log.tokens, **point)
    created = dict.fromkeys(fact.state.order_id for fact in log.facts)
    expected = [state for order_id in reversed(created) if (state := find(order_id))]
    assert [read_state(order) async for order in listed] == expected


async def compare_history(orders: OrderTrail, log: ModelLog) -> None:
    """Compare all events of the customer, listed and streamed, with the receipts."""
    expected = list(log.describe_events())
    listed = [
        _describe(event) async for event in orders.list_events(customer_id=log.customer, at_least_as_fresh=log.tokens)
    ]
    assert listed == expected
    assert [_describe(event) async for event in orders.stream(customer_id=log.customer)] == expected
    for fact in log.facts[-3:]:
        await orders.verify(fact.receipt)


async def read_times(orders: OrderTrail, log: ModelLog) -> dict[int, Timestamp]:
    """Return the record time of each event, by its offset."""
    events = orders.list_events(customer_id=log.customer, at_least_as_fresh=log.tokens)
    return {event.position.offset: event.record_time async for event in events}


async def _get(orders: OrderTrail, order_id: str, **point: Any) -> State | None:
    try:
        return read_state(await orders.get(order_id, **point))
    except NotFound:
        return None


def _describe_moment(log: ModelLog, fact: Fact, moment: str) -> tuple[dict[str, Any], Find]:
    """Return the condition of a question as of a moment, and the model's answer for an order."""
    if moment == "token":
        return {"token": fact.receipt.consistency_token}, lambda order_id: log.as_of_offset(order_id, fact.offset + 1)
    nanoseconds = log.times[fact.offset].ToNanoseconds() - (moment == "just before")
    time = Timestamp()
    time.FromNanoseconds(nanoseconds)
    return {"record_time": time}, lambda order_id: log.as_of_time(order_id, nanoseconds)


def _describe(event: HistoryEvent) -> tuple[Any, ...]:
    return (
        event.position.offset,
        event.order_id,
        event.order_version,
        event.cause.request_id,
        event.digest,
        event.previous,
        event.WhichOneof("event"),
    )
