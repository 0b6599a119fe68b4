"""The numbers of orders in the file of the projection `timeline`."""

from collections.abc import Mapping
from json import dumps

from ordertrail_server.projections.batch import Batch
from ordertrail_server.storage.connection import Connection

FIND = "SELECT o.order_id, o.order_no FROM json_each(?) k CROSS JOIN placed_orders o ON o.order_id = k.value"


def number_orders(batch: Batch, connection: Connection) -> Mapping[str, int]:
    """Return the number of each order of a batch: the position of its first fact, which may be in this batch."""
    numbers: dict[str, int] = {}
    stored_ids: set[str] = set()
    for fact in batch.facts:
        order_id = fact.logged.key
        if fact.event.order_version == 1:
            numbers[order_id] = batch.position_of(fact.logged.offset)
        elif order_id not in numbers:
            stored_ids.add(order_id)
    if stored_ids:
        numbers.update(connection.execute(FIND, (dumps([*stored_ids]),)))
    return numbers
