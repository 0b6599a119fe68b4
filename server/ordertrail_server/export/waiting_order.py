"""The parked orders whose waiting facts an export lacks."""

from collections.abc import Sequence

from ordertrail_server.export.position import ExportPosition
from ordertrail_server.export.row_reader import read_as_of
from ordertrail_server.log.position import LogPosition, first_packed
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.row_limit import LAST_LIMIT

MAX_NAMED = 1_000
"""The most orders that are named."""

WAITING = f"""SELECT DISTINCT order_id FROM ordertrail_waiting WHERE position >= ? AND position < ?
ORDER BY order_id {LAST_LIMIT}"""


def find_waiting_orders(history: Connection, position: ExportPosition) -> Sequence[str]:
    """Return the first orders that have waiting facts before the position, from the file of `history`.

    Raises OrderFreed, sqlite3.Error.
    """
    order_ids: list[str] = []
    with read_as_of(history, position):
        for partition, offset in position.offsets.items():
            bounds = first_packed(partition), LogPosition(partition, offset).pack()
            order_ids += [row[0] for row in history.execute(WAITING, (*bounds, MAX_NAMED - len(order_ids)))]
    return order_ids
