"""How what was said in version 1 reads in version 2, which is all that is known here of other versions.

Nothing is invented: what was not said stays absent, and what has no reading is refused. Members are named as the
producers named them.
"""

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.events.v2 import order_events_pb2 as v2
from ordertrail_server.schema.json_text import NotStrictJson, Value, compact, parse_object
from ordertrail_server.schema.upcasting import CannotUpcast
from ordertrail_server.schema.v1_meanings import day, instant, instant_of_millis, price, status


def order_placed(said: v1.OrderPlaced) -> v2.OrderPlaced:
    """Read an order of the first producer, which has one line. Raises CannotUpcast."""
    line = _line(said, "productId", "quantity")
    if said.HasField("unit_price"):
        line.unit_price.CopyFrom(price(said.unit_price))
    source = v2.OrderSource(
        reference=str(said.id) if said.HasField("id") else None,
        publish_time=instant_of_millis(said.timestamp) if said.HasField("timestamp") else None,
        other_json=said.other_json if said.HasField("other_json") else None,
    )
    return v2.OrderPlaced(customer_id=said.company or None, lines=[line], source=_unless_empty(source))


def order_created(said: v1.OrderCreated) -> v2.OrderPlaced:
    """Read an order of the second producer, which has lines without prices. Raises CannotUpcast."""
    if not said.items:
        raise CannotUpcast("order.items is empty")
    return v2.OrderPlaced(
        customer_id=said.customer_id or None,
        lines=[
            _line(item, f"order.items[{place}].productID", f"order.items[{place}].quantity")
            for place, item in enumerate(said.items)
        ],
        expected_delivery_date=day(said.expected_delivery_date) if said.HasField("expected_delivery_date") else None,
        source=_unless_empty(_source(said)),
    )


def _source(said: v1.OrderCreated) -> v2.OrderSource:
    known, unknown = status(said.status)
    return v2.OrderSource(
        create_time=instant("order.creationDate", said.creation_date) if said.HasField("creation_date") else None,
        publish_time=instant("timestamp", said.timestamp) if said.HasField("timestamp") else None,
        status=known,
        status_text=unknown,
        other_json=_other_json(said),
    )


def _line(said: v1.OrderPlaced | v1.OrderItem, product: str, quantity: str) -> v2.OrderedLine:
    if not said.product_id:
        raise CannotUpcast(f"{product} is missing")
    if not said.HasField("quantity"):
        raise CannotUpcast(f"{quantity} is missing")
    return v2.OrderedLine(product_id=said.product_id, quantity=said.quantity)


def _unless_empty(source: v2.OrderSource) -> v2.OrderSource | None:
    return source if source.ListFields() else None


def _other_json(said: v1.OrderCreated) -> str | None:
    """Return all else that was said, with what was said of each item, in the order of the items, as `items`."""
    if not any(item.HasField("other_json") for item in said.items):
        return said.other_json if said.HasField("other_json") else None
    try:
        other = parse_object(said.other_json or "{}")
        items: list[Value] = [parse_object(item.other_json or "{}") for item in said.items]
    except NotStrictJson as error:
        raise CannotUpcast(f"what else was said of the order {error}") from error
    if "items" in other:
        raise CannotUpcast("items stands outside of order")
    return compact({**other, "items": items})
