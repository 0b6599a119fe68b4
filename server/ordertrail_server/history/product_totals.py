"""ListProductTotals: quantities by product and day, from the projection `product_totals`."""

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_history_service_pb2 import (
    ListProductTotalsRequest,
    ListProductTotalsResponse,
    ProductTotal,
)
from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail_server.history.day_bound import day_text, require_real_day
from ordertrail_server.history.pages import next_page_token, page_size, read_page_start
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import token_of
from ordertrail_server.log.token import PageKey
from ordertrail_server.orders.days import decode_day, encode_day
from ordertrail_server.storage.row_limit import NAMED_LIMIT

_ROWS = "SELECT product_id, day, ordered, shipped, returned FROM product_totals"
# The index of each of them has the order of the page, and begins at its first row.
_PATHS = {
    True: ("product_id = :product_id", "day > :last_day", "day"),
    False: ("TRUE", "(day, product_id) > (:last_day, :last_product)", "day, product_id"),
}
_CONDITIONS = {"day_from": "day >= :day_from", "day_before": "day < :day_before"}

Row = tuple[str, str, int, int, int]


def list_product_totals(model: ReadModel, request: ListProductTotalsRequest, connection: Connection) -> bytes:
    """Return a serialized ListProductTotalsResponse. Raises Refused for a bad page token or day."""
    max_rows = page_size(request)
    start = read_page_start(request, model.lineage)
    statement, values = totals_query(request, start)
    rows: list[Row] = connection.execute(statement, values | {"limit": max_rows + 1}).fetchall()
    page = rows[:max_rows]
    response = ListProductTotalsResponse(
        totals=map(_total, page), consistency_token=token_of(model.log_id, model.positions(connection))
    )
    if len(rows) > max_rows:
        product_id, day, *_ = page[-1]
        key = PageKey(encode_day(_date(day)), product_id, consistency_token=response.consistency_token)
        response.next_page_token = next_page_token(request, model.log_id, key)
    return response.SerializeToString()


def totals_query(
    request: ListProductTotalsRequest, start: PageTokenContents | None
) -> tuple[str, dict[str, str | int]]:
    """Return the SELECT of the first :limit rows after `start`, and the values that it binds. Raises Refused."""
    condition, after_last, order = _PATHS[bool(request.product_id)]
    values: dict[str, str | int] = {"product_id": request.product_id, **_days(request)}
    conditions = [condition, *(sql for name, sql in _CONDITIONS.items() if name in values)]
    if start is not None:
        # Instead of day_from, which is no later: with both, SQLite may begin at day_from and visit all earlier pages.
        conditions = [after_last, *(sql for sql in conditions if sql != _CONDITIONS["day_from"])]
        values |= {"last_day": day_text(decode_day(start.last_number)), "last_product": start.last_text}
    return f"{_ROWS} WHERE {' AND '.join(conditions)} ORDER BY {order} {NAMED_LIMIT}", values


def _days(request: ListProductTotalsRequest) -> dict[str, str]:
    days = ((field.name, day) for field, day in request.ListFields() if isinstance(day, Date))
    return {name: day_text(require_real_day(day, name)) for name, day in days}


def _total(row: Row) -> ProductTotal:
    product_id, day, ordered, shipped, returned = row
    return ProductTotal(
        product_id=product_id,
        day=_date(day),
        ordered_quantity=ordered,
        shipped_quantity=shipped,
        returned_quantity=returned,
    )


def _date(text: str) -> Date:
    year, month, day = map(int, text.split("-"))
    return Date(year=year, month=month, day=day)
