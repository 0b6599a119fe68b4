"""Python upcasters from version 1 to version 2. They know no other version.

They invent nothing: an absent value stays absent, and an unreadable one is refused. Error texts use the producers'
names of members.
"""

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.events.v2 import order_events_pb2 as v2
from ordertrail_server.schema.strict_json import NotStrictJson, Value, parse_object, to_compact_json
from ordertrail_server.schema.upcasting import CannotUpcast
from ordertrail_server.schema.v1_values import day, instant, instant_of_millis, price, status


def order_placed(event: v1.OrderPlaced) -> v2.OrderPlaced:
    """Read an order of the first producer, which has one line. Raises CannotUpcast."""
    line = _line(event, "productId", "quantity")
    if event.HasField("unit_price"):
        line.unit_price.CopyFrom(price(event.unit_price))
    source = v2.OrderSource(
        reference=str(event.id) if event.HasField("id") else None,
        publish_time=instant_of_millis(event.timestamp) if event.HasField("timestamp") else None,
        other_json=event.other_json if event.HasField("other_json") else None,
    )
    return v2.OrderPlaced(customer_id=event.company or None, lines=[line], source=_unless_empty(source))


def order_created(event: v1.OrderCreated) -> v2.OrderPlaced:
    """Read an order of the second producer, which has lines without prices. Raises CannotUpcast."""
    if not event.items:
        raise CannotUpcast("order.items is empty")
    return v2.OrderPlaced(
        customer_id=event.customer_id or None,
        lines=[
            _line(item, f"order.items[{place}].productID", f"order.items[{place}].quantity")
            for place, item in enumerate(event.items)
        ],
        expected_delivery_date=day(event.expected_delivery_date) if event.HasField("expected_delivery_date") else None,
        source=_unless_empty(_source(event)),
    )


def _source(event: v1.OrderCreated) -> v2.OrderSource:
    known_status, status_text = status(event.status)
    return v2.OrderSource(
        create_time=instant("order.creationDate", event.creation_date) if event.HasField("creation_date") else None,
        publish_time=instant("timestamp", event.timestamp) if event.HasField("timestamp") else None,
        status=known_status,
        status_text=status_text,
        other_json=_other_json(event),
    )


def _line(line: v1.OrderPlaced | v1.OrderItem, product: str, quantity: str) -> v2.OrderedLine:
    if not line.product_id:
        raise CannotUpcast(f"{product} is missing")
    if not line.HasField("quantity"):
        raise CannotUpcast(f"{quantity} is missing")
    return v2.OrderedLine(product_id=line.product_id, quantity=line.quantity)


def _unless_empty(source: v2.OrderSource) -> v2.OrderSource | None:
    return source if source.ListFields() else None


def _other_json(event: v1.OrderCreated) -> str | None:
    """Return the unread members of the document, with those of each item, in order, as `items`."""
    if not any(item.HasField("other_json") for item in event.items):
        return event.other_json if event.HasField("other_json") else None
    try:
        members = parse_object(event.other_json or "{}")
        items: list[Value] = [parse_object(item.other_json or "{}") for item in event.items]
    except NotStrictJson as error:
        raise CannotUpcast(f"the remaining JSON of the order {error}") from error
    if "items" in members:
        raise CannotUpcast("items is outside of order")
    return to_compact_json({**members, "items": items})
