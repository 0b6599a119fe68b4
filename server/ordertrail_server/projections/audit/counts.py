"""What the messages of a log lead to, as numbers."""

from ordertrail.v1.projection_audit_pb2 import AuditCounts
from ordertrail_server.orders.chain import Verdict
from ordertrail_server.storage.connection import Connection

VERDICTS = "SELECT verdict, sum(count) FROM ordertrail_verdicts GROUP BY verdict"


def count_messages(orders: Connection) -> AuditCounts:
    """Return the counts of a file of the projection `orders`. `rebuild` and `parked list` count likewise."""
    verdicts = dict(orders.execute(VERDICTS).fetchall())
    waiting_count = _count(orders, "SELECT count(*) FROM ordertrail_waiting")
    return AuditCounts(
        record_count=_count(orders, "SELECT sum(next_offset) FROM ordertrail_positions"),
        order_count=_count(orders, "SELECT count(*) FROM orders WHERE version > 0"),
        fact_count=verdicts.get(Verdict.FACT.value, 0) - waiting_count,
        waiting_count=waiting_count,
        refusal_count=verdicts.get(Verdict.REFUSAL.value, 0),
        void_count=verdicts.get(Verdict.VOID.value, 0),
        broken_count=verdicts.get(Verdict.BROKEN.value, 0),
        foreign_count=verdicts.get(Verdict.FOREIGN.value, 0),
        barrier_count=verdicts.get(Verdict.BARRIER.value, 0),
        parked_count=_count(orders, "SELECT count(*) FROM parked_orders"),
    )


def _count(connection: Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0] or 0)
