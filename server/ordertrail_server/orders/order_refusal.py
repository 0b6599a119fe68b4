"""The refusals of commands and queries, with their texts for the caller. The rules that lead to them are in decide."""

from collections.abc import Iterable, Sequence

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_status_pb2 import OrderStatus
from ordertrail_server.orders.amounts import MAX_TOTAL, NANOS
from ordertrail_server.orders.refusal import Refusal

MAX_LINES = 200
"""The most lines that an order may have."""


def order_exists(order_id: str) -> Refusal:
    """Refuse to place an order a second time."""
    return Refusal(
        reasons.ERROR_REASON_ORDER_EXISTS, "An order with this id exists already; choose another order_id.", order_id
    )


def order_not_found(order_id: str) -> Refusal:
    """Refuse a command on, or a query for, an order that was never placed."""
    return Refusal(reasons.ERROR_REASON_ORDER_NOT_FOUND, f"There is no order {order_id}.", order_id)


def invalid_field(order_id: str, where: str, message: str) -> Refusal:
    """Refuse a request because of the field at the path `where`."""
    return Refusal(reasons.ERROR_REASON_INVALID_REQUEST, message, order_id, where)


def no_such_day(order_id: str, day: Date) -> Refusal:
    """Refuse a day that the calendar does not have."""
    day_text = f"{day.year:04}-{day.month:02}-{day.day:02}"
    return invalid_field(order_id, "expected_delivery_date", f"The calendar has no day {day_text}; give a real date.")


def product_twice(order_id: str, products: Sequence[str]) -> Refusal:
    """Refuse lines of which two name the same product; `products` are those of all lines."""
    index, product = next((i, product) for i, product in enumerate(products) if product in products[:i])
    return invalid_field(
        order_id, f"lines[{index}].product_id", f"The product {product!r} is on two lines; combine them."
    )


def too_many_lines(order_id: str) -> Refusal:
    """Refuse more lines than an order may have."""
    return Refusal(
        reasons.ERROR_REASON_TOO_MANY_LINES,
        f"An order can have at most {MAX_LINES} lines; place a second order for the rest.",
        order_id,
        facts={"max_lines": str(MAX_LINES)},
    )


def currency_differs(order_id: str, where: str, currency: str, order_currency: str) -> Refusal:
    """Refuse a price in a currency that is not the order's."""
    message = f"The price is in {currency}, but the order is priced in {order_currency}; use {order_currency}."
    facts = {"currency": currency, "order_currency": order_currency}
    return Refusal(reasons.ERROR_REASON_CURRENCY_DIFFERS, message, order_id, f"{where}.unit_price.currency_code", facts)


def total_too_large(order_id: str) -> Refusal:
    """Refuse a command that would raise the order's total above the largest one."""
    units = MAX_TOTAL // NANOS
    return Refusal(
        reasons.ERROR_REASON_TOTAL_TOO_LARGE,
        f"The order's total would exceed {units:,} units of its currency; order less.",
        order_id,
        facts={"max_total_units": str(units)},
    )


def product_already_ordered(order_id: str, product_id: str) -> Refusal:
    """Refuse a second line of a product."""
    message = f"The product {product_id!r} is on the order already; change its quantity instead."
    return Refusal(reasons.ERROR_REASON_PRODUCT_ALREADY_ORDERED, message, order_id, facts={"product_id": product_id})


def product_not_ordered(order_id: str, product_id: str) -> Refusal:
    """Refuse a command on a product that the order does not have."""
    message = f"The product {product_id!r} is not on the order; check product_id."
    return Refusal(reasons.ERROR_REASON_PRODUCT_NOT_ORDERED, message, order_id, facts={"product_id": product_id})


def last_line(order_id: str) -> Refusal:
    """Refuse to remove the last line."""
    return Refusal(reasons.ERROR_REASON_LAST_LINE, "This is the order's last line; cancel the order instead.", order_id)


def nothing_changes(order_id: str, message: str) -> Refusal:
    """Refuse a command that would change nothing; `message` is the present state."""
    return Refusal(reasons.ERROR_REASON_NOTHING_CHANGES, message, order_id)


def nothing_ordered(order_id: str) -> Refusal:
    """Refuse to confirm an order with only zero quantities."""
    return Refusal(
        reasons.ERROR_REASON_NOTHING_ORDERED,
        "Every quantity of the order is 0; change a quantity before you confirm.",
        order_id,
    )


def more_than_ordered(order_id: str, product_id: str, remaining: int) -> Refusal:
    """Refuse to ship more of a product than remains to be shipped."""
    message = f"Only {remaining} of the product {product_id!r} remain to be shipped."
    facts = {"product_id": product_id, "remaining": str(remaining)}
    return Refusal(reasons.ERROR_REASON_MORE_THAN_ORDERED, message, order_id, facts=facts)


def status_forbids(
    order_id: str, status: OrderStatus.ValueType, verb: str, allowed: Iterable[OrderStatus.ValueType]
) -> Refusal:
    """Refuse a verb that the order's status does not allow; `allowed` are the statuses that allow it."""
    allowed_text = " or ".join(status_word(allowed_status) for allowed_status in allowed)
    message = f"The order is {status_word(status)}; {verb} needs it to be {allowed_text}."
    facts = {"status": OrderStatus.Name(status), "verb": verb}
    return Refusal(reasons.ERROR_REASON_STATUS_FORBIDS, message, order_id, facts=facts)


def unreadable_document(message: str) -> Refusal:
    """Refuse an imported document that is not a valid order."""
    return Refusal(reasons.ERROR_REASON_UNREADABLE_DOCUMENT, message)


def status_word(status: OrderStatus.ValueType) -> str:
    """Return the name of a status without its prefix: PARTLY_SHIPPED."""
    return OrderStatus.Name(status).removeprefix("ORDER_STATUS_")
