"""Two small projections, which account for everything that the engine hands to them.

A batch that is applied twice, not at all, or out of order gives other rows: each message has a count, and facts have
the versions of their orders before and after them.
"""

from typing import TYPE_CHECKING

from ordertrail_server.projections.batch import AppliedFact, Batch
from ordertrail_server.projections.projection import Projection

if TYPE_CHECKING:
    from sqlite_utils import Database

COUNT_MESSAGE = """INSERT INTO messages VALUES (?, ?, ?, ?, 1)
ON CONFLICT DO UPDATE SET count = count + 1"""
COUNT_EVENT = """INSERT INTO tally VALUES (?, 1)
ON CONFLICT DO UPDATE SET count = count + 1"""


class Ledger(Projection):
    """Has a row for each message, and the orders that are parked. It uses orders."""

    name = "ledger"
    uses_orders = True

    def create_tables(self, database: "Database") -> None:
        database.table("messages").create(
            {"position": int, "key": str, "kind": str, "detail": str, "count": int}, pk="position", strict=True
        )
        database.table("parked").create({"order_id": str, "reason": str, "position": int}, pk="order_id", strict=True)

    def create_indexes(self, database: "Database") -> None:
        database.table("messages").create_index(["key"], if_not_exists=True)

    def apply(self, batch: Batch, database: "Database") -> None:
        facts = [
            (batch.position_of(fact.logged.offset), fact.logged.key, "fact", describe(fact)) for fact in batch.facts
        ]
        non_facts = [
            (batch.position_of(logged.offset), logged.key, judged.verdict.value, judged.detail)
            for logged, judged in batch.non_facts
        ]
        connection = database.conn
        connection.executemany(COUNT_MESSAGE, facts + non_facts)
        connection.executemany("DELETE FROM parked WHERE order_id = ?", [(order_id,) for order_id in batch.parked])
        parked = [(order_id, *parking) for order_id, parking in batch.parked.items() if parking]
        connection.executemany("INSERT INTO parked VALUES (?, ?, ?)", parked)


class Tally(Projection):
    """Counts the events of each type. It does not use orders."""

    name = "tally"

    def create_tables(self, database: "Database") -> None:
        database.table("tally").create({"event": str, "count": int}, pk="event", strict=True)

    def apply(self, batch: Batch, database: "Database") -> None:
        database.conn.executemany(COUNT_EVENT, [(fact.event.WhichOneof("event"),) for fact in batch.facts])


def describe(fact: AppliedFact) -> str:
    """Return versions before and after a fact, the number of lines after it, and its time and customer."""
    before = fact.before.version if fact.before else 0
    assert fact.order is not None
    lines, time = len(fact.order.lines), fact.time.ToJsonString()
    return f"{before} -> {fact.order.version}, {lines} lines, {time}, {fact.customer_id}"
