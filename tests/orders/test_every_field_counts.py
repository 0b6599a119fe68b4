"""No field is lost: every field of a command affects its event, and every field of an event affects the order.

Commands, events and fields come from the descriptors, so a new one is tested as soon as it is generated.
"""

from itertools import product
from typing import Any, Final

import pytest
from google.protobuf.descriptor import Descriptor
from tests.orders.spec import ORDER, history_event
from tests.orders.variants import TEXTS, Path, format_path, leaves, list_messages, variants

from ordertrail.v1.commands_pb2 import Command
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail.v1.order_pb2 import Order, OrderLine
from ordertrail.v1.order_status_pb2 import OrderStatus
from ordertrail_server.orders.decide import decide
from ordertrail_server.orders.evolve import CannotFold, evolve
from ordertrail_server.orders.refusal import Refusal

VERBS: Final = list_messages(Command.DESCRIPTOR.oneofs_by_name["verb"])
COMMANDS: Final = [*VERBS, OrderPlaced.DESCRIPTOR]
"""The commands of `decide`; an OrderPlaced is an imported order."""
EVENTS: Final = list_messages(HistoryEvent.DESCRIPTOR.oneofs_by_name["event"])

IN_THE_ENVELOPE: Final = {
    "order_id": "the record and the history event name the order",
    "request_id": "the record's cause names the request",
    "expected_version": "a condition, checked before the decision",
    "validate_only": "requests a preview; the decision does not depend on it",
}
"""Fields of requests that no event has, with the reason."""

NOT_IN_THE_ORDER: Final = {
    "OrderCancelled.reason": "the history has the reason; the order has only its status",
    "OrderReturned.reason": "the history has the reason; the order has only its status",
}
"""Fields of events that no order has, with the reason."""

OTHER_PRODUCTS: Final = ("BBB", "BBC")
ORDERS: Final = [
    None,
    *(
        Order(
            order_id=ORDER,
            status=status,
            version=1,
            lines=[OrderLine(product_id=product_id, quantity=100) for product_id in products],
            total_quantity=200,
        )
        for status, products in product(OrderStatus.values(), [TEXTS, OTHER_PRODUCTS])
    ),
]
"""Orders of every status, so that each command is accepted on one of them."""


def list_fields(messages: list[Descriptor]) -> list[Any]:
    paths = [(message, path) for message in messages for path in leaves(message)]
    return [pytest.param(message, path, id=format_path(path)) for message, path in paths]


def decided(order: Order | None, command: Any) -> bytes:
    """Return the event that a command leads to, b"" if it is refused."""
    outcome = decide(order, command)
    return b"" if isinstance(outcome, Refusal) else outcome.SerializeToString(deterministic=True) or b"event"


def evolve_order(order: Order | None, event: Any) -> bytes:
    """Return the order after an event, b"" if the event cannot follow."""
    try:
        return evolve(order, history_event(event, 2 if order else 1)).SerializeToString(deterministic=True)
    except CannotFold:
        return b""


def outcomes(step: Any, message: Descriptor, path: Path) -> list[set[bytes]]:
    """Return the outcomes, for each order, of messages that differ only in the field at a path."""
    return [{step(order, variant) for variant in variants(message, path)} - {b""} for order in ORDERS]


def is_in_the_envelope(message: Descriptor, path: Path) -> bool:
    return message in VERBS and len(path) == 1 and path[0].name in IN_THE_ENVELOPE


@pytest.mark.parametrize(("command", "path"), list_fields(COMMANDS))
def test_every_field_of_a_command_changes_the_event(command: Descriptor, path: Path) -> None:
    events = outcomes(decided, command, path)
    assert any(events), f"no order of ORDERS accepts {command.name}: add one"
    has_effect = any(len(distinct) > 1 for distinct in events)
    assert has_effect != is_in_the_envelope(command, path), (
        f"{format_path(path)} {'does' if has_effect else 'does not'} change the event: "
        "correct orders/decide.py, or IN_THE_ENVELOPE with a reason"
    )


@pytest.mark.parametrize(("event", "path"), list_fields(EVENTS))
def test_every_field_of_an_event_changes_the_order(event: Descriptor, path: Path) -> None:
    orders = outcomes(evolve_order, event, path)
    assert any(orders), f"{event.name} can follow on no order of ORDERS: add one"
    has_effect = any(len(distinct) > 1 for distinct in orders)
    assert has_effect != (format_path(path) in NOT_IN_THE_ORDER), (
        f"{format_path(path)} {'does' if has_effect else 'does not'} change the order: "
        "correct orders/evolve.py, or NOT_IN_THE_ORDER with a reason"
    )


def test_every_exception_names_an_existing_field() -> None:
    assert NOT_IN_THE_ORDER.keys() <= {format_path(path) for event in EVENTS for path in leaves(event)}
    assert IN_THE_ENVELOPE.keys() <= {field.name for verb in VERBS for field in verb.fields}
