"""Statements of older producers: their JSON documents, read as the v1 message that becomes a fact."""

from typing import Final

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail_server.schema.cases import cases, message_class, message_of
from ordertrail_server.schema.json_members import InvalidMember, JsonMembers
from ordertrail_server.schema.registry import READERS, Statement
from ordertrail_server.schema.strict_json import NotStrictJson, parse_object, quote_text, to_compact_json
from ordertrail_server.schema.upcasting import CannotUpcast

MAX_BYTES: Final = 65_536
"""The size of the largest document, as ordertrail.v1.SourceDocument limits it."""

_READERS: Final = {message_class(message_of(case)): READERS[case.number] for case in cases() if case.number in READERS}
_FLAT = ("productId", "quantity", "unitPrice", "company", "id")


class UnreadableDocument(ValueError):
    """A document cannot be read as an order; `reason` is one sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_document(json: bytes) -> Statement:
    """Read a document as `OrderPlaced` of the first producer or `OrderCreated` of the second.

    The result can be upcast. Whether it is a legal order is for the order's rules. Raises UnreadableDocument.
    """
    try:
        stated = _read_by_type(JsonMembers(parse_object(_text(json))))
        read_statement(stated)
    except NotStrictJson as error:
        raise UnreadableDocument(f"The document {error}.") from None
    except (InvalidMember, CannotUpcast) as error:
        raise UnreadableDocument(f"{error}.") from None
    return stated


def read_statement(stated: Statement) -> OrderPlaced:
    """Upcast a statement to the public event, as every reader of its record does. Raises CannotUpcast."""
    placed = OrderPlaced()
    _READERS[type(stated)].read(stated.SerializeToString(), placed)
    return placed


def own_order_id(stated: Statement) -> str:
    """Return the order id of a statement; "" for the first producer, whose numbers restart with every run."""
    return stated.order_id if isinstance(stated, v1.OrderCreated) else ""


def _text(json: bytes) -> str:
    if len(json) > MAX_BYTES:
        raise UnreadableDocument(f"The document has {len(json)} bytes; {MAX_BYTES} are allowed.")
    try:
        return json.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableDocument(f"The document is not UTF-8 from byte {error.start} on.") from None


def _read_by_type(document: JsonMembers) -> Statement:
    kind = document.text("type")
    if kind == "OrderCreated":
        return _order_created(document)
    if kind is not None:
        raise UnreadableDocument(f"The type {quote_text(kind)} is unknown.")
    if not any(name in document for name in _FLAT):
        raise UnreadableDocument("The document is of no known shape: it has neither a type nor a productId.")
    return _order_placed(document)


def _order_placed(document: JsonMembers) -> v1.OrderPlaced:
    return v1.OrderPlaced(
        id=document.whole("id"),
        company=document.text("company"),
        product_id=document.text("productId"),
        quantity=document.whole("quantity"),
        unit_price=document.number("unitPrice"),
        timestamp=document.whole("timestamp"),
        other_json=document.unread_json(),
    )


def _order_created(document: JsonMembers) -> v1.OrderCreated:
    order = document.object("order")
    if "items" in document:
        raise document.invalid("items", "is outside of order")
    return v1.OrderCreated(
        order_id=_order_id(document, order),
        creation_date=order.text("creationDate"),
        expected_delivery_date=order.text("expectedDeliveryDate"),
        items=[_item(item) for item in order.objects("items")],
        timestamp=document.text("timestamp"),
        status=order.text("status"),
        customer_id=order.text("customerID"),
        other_json=_other_json(document, order),
    )


def _order_id(document: JsonMembers, order: JsonMembers) -> str:
    outside, inside = document.text("orderID"), order.text("orderID")
    if outside is not None and inside is not None and outside != inside:
        raise order.invalid("orderID", f"{quote_text(inside)} differs from orderID {quote_text(outside)}")
    order_id = outside or inside
    if not order_id:
        raise document.invalid("orderID", "is missing")
    return order_id


def _item(item: JsonMembers) -> v1.OrderItem:
    return v1.OrderItem(
        product_id=item.text("productID"), quantity=item.whole("quantity"), other_json=item.unread_json()
    )


def _other_json(document: JsonMembers, order: JsonMembers) -> str | None:
    """Return the unread members as JSON in their place: those of the order within `order`."""
    unread = document.unread()
    inside = order.unread()
    if inside:
        unread["order"] = inside
    return to_compact_json(unread) if unread else None
