"""The tables that the engine keeps in the file of every projection."""

from sqlite_utils import Database

# log_id: the identity of the log; built_by: the definition of the code that fills this file (definition.py);
# definition: the same, once the file was folded from the first record to near the end of the log, and has indexes.
META = {"key": str, "value": bytes}
# digest: of the last message folded, whatever its verdict; empty at offset 0.
# retries: how often a parked order of the partition was folded again, which changes rows before next_offset.
POSITIONS = {"partition": int, "next_offset": int, "digest": bytes, "retries": int}
# The facts of parked orders. reason: the fault of this record, or otherwise the reason why its order is parked.
WAITING = {"position": int, "order_id": str, "reason": str}
# The number of messages by verdict (orders/chain.py). sqlite-utils cannot create tables WITHOUT ROWID.
VERDICTS = """CREATE TABLE ordertrail_verdicts (
    partition INTEGER NOT NULL, verdict TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (partition, verdict)
) STRICT, WITHOUT ROWID"""


def create_base_tables(database: Database, log_id: bytes, definition: bytes, partitions: int) -> None:
    """Create the tables at offset 0 of each partition, inside the caller's transaction."""
    meta, positions, waiting = (database.table(f"ordertrail_{name}") for name in ("meta", "positions", "waiting"))
    meta.create(META, pk="key", not_null=META, strict=True)
    meta.insert_all([{"key": "log_id", "value": log_id}, {"key": "built_by", "value": definition}])
    positions.create(POSITIONS, pk="partition", not_null=POSITIONS.keys() - {"partition"}, strict=True)
    positions.insert_all(
        {"partition": partition, "next_offset": 0, "digest": b"", "retries": 0} for partition in range(partitions)
    )
    waiting.create(WAITING, pk="position", not_null={"order_id", "reason"}, strict=True)
    waiting.create_index(["order_id"], "ordertrail_waiting_by_order")
    database.execute(VERDICTS)
