"""An audit finds every row, position, digest and schema that does not follow from the log."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, rmtree
from typing import NamedTuple

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.log.memory import MemoryLog
from tests.projections.audit.audited_directory import ADDED, CHANGED, MISSING, audit, build_mixed_log, edit_live, fold
from tests.projections.log_builder import PLACED, PLUM_ADDED, LogBuilder, create_log, remove
from tests.projections.memory_directory import memory_directory

from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail.v1.order_pb2 import Order

SCHEMA, POSITIONS = "sqlite_schema", "ordertrail_positions"


class Fault(NamedTuple):
    """A statement that plants a fault, and where the audit finds it."""

    projection: str
    statement: str
    kind: messages.AuditFindingKind.ValueType
    table: str


FAULTS = [
    Fault("orders", "UPDATE orders SET customer_id = 'thief' WHERE order_id = 'order-1'", CHANGED, "orders"),
    Fault("orders", "UPDATE orders SET state = zeroblob(9) WHERE order_id = 'order-1'", CHANGED, "orders"),
    Fault("orders", "UPDATE orders SET order_key = 'order-9' WHERE order_id = 'order-1'", MISSING, "orders"),
    Fault("orders", "DELETE FROM orders WHERE order_id = 'order-1'", ADDED, "links"),
    Fault("orders", "UPDATE links SET digest = zeroblob(16) WHERE version = 2", CHANGED, "links"),
    Fault("orders", "DELETE FROM links WHERE version = 2", MISSING, "links"),
    Fault(
        "orders",
        "INSERT INTO links SELECT order_no, 9, 9, digest, request, command, 1, 0 FROM links LIMIT 1",
        ADDED,
        "links",
    ),
    Fault("orders", "INSERT INTO order_products VALUES ('fig', 77)", ADDED, "order_products"),
    Fault("orders", "DELETE FROM order_products WHERE product_id = 'plum'", MISSING, "order_products"),
    Fault("orders", "UPDATE not_links SET verdict = 'broken'", CHANGED, "not_links"),
    Fault("orders", "DELETE FROM not_links", MISSING, "not_links"),
    Fault("orders", "DELETE FROM parked_orders", MISSING, "parked_orders"),
    Fault("orders", "UPDATE written SET count = count + 1", CHANGED, "written"),
    Fault("orders", "DELETE FROM ordertrail_waiting", MISSING, "ordertrail_waiting"),
    Fault("orders", "UPDATE ordertrail_verdicts SET count = 9", CHANGED, "ordertrail_verdicts"),
    Fault("orders", "UPDATE ordertrail_meta SET value = zeroblob(16) WHERE key = 'log_id'", CHANGED, "ordertrail_meta"),
    Fault(
        "orders", "UPDATE ordertrail_meta SET value = zeroblob(9) WHERE key = 'definition'", ADDED, "ordertrail_meta"
    ),
    Fault("orders", f"UPDATE {POSITIONS} SET digest = zeroblob(16)", CHANGED, POSITIONS),
    Fault("orders", f"UPDATE {POSITIONS} SET next_offset = next_offset - 3", ADDED, "links"),
    Fault("orders", f"UPDATE {POSITIONS} SET next_offset = next_offset + 3", CHANGED, POSITIONS),
    Fault("orders", "DROP INDEX receipts", MISSING, SCHEMA),
    Fault("orders", "DROP INDEX orders_by_key", MISSING, SCHEMA),
    Fault("orders", """CREATE TABLE 'a "b"' ('c "d"')""", ADDED, SCHEMA),
    Fault("orders", f"UPDATE {POSITIONS} SET partition = 1 << 40", MISSING, POSITIONS),
    Fault("orders", "CREATE TRIGGER sly AFTER INSERT ON links BEGIN SELECT 1; END", ADDED, SCHEMA),
    Fault("history", "UPDATE events SET frame = zeroblob(9) WHERE position = 0", CHANGED, "events"),
    Fault("history", "DELETE FROM events WHERE position = 3", MISSING, "events"),
    Fault(
        "history", "INSERT INTO events SELECT 99, 'order-9', 1, NULL, 1, 1, frame FROM events LIMIT 1", ADDED, "events"
    ),
    Fault("history", "UPDATE event_times SET latest = latest + 1", CHANGED, "event_times"),
    Fault("history", "DELETE FROM event_products WHERE product_id = 'plum'", MISSING, "event_products"),
    Fault("history", "UPDATE parked_orders SET reason = 'none'", CHANGED, "parked_orders"),
    Fault("history", f"UPDATE {POSITIONS} SET digest = zeroblob(16)", CHANGED, POSITIONS),
    Fault("history", f"UPDATE {POSITIONS} SET next_offset = next_offset - 9", ADDED, "events"),
    Fault("history", "CREATE TABLE extra (a)", ADDED, SCHEMA),
    Fault("product_totals", "UPDATE product_totals SET ordered = ordered + 1", CHANGED, "product_totals"),
    Fault("product_totals", "DELETE FROM product_totals", MISSING, "product_totals"),
    Fault(
        "product_totals", "INSERT INTO product_totals VALUES ('fig', '2001-01-01', 1, 1, 1)", ADDED, "product_totals"
    ),
    Fault("product_totals", "ALTER TABLE product_totals ADD COLUMN extra TEXT", CHANGED, SCHEMA),
    Fault("timeline", "UPDATE order_changes SET valid_from = '1999' WHERE version = 2", CHANGED, "order_changes"),
    Fault("timeline", "DELETE FROM line_changes WHERE product_id = 'plum'", MISSING, "line_changes"),
    Fault("timeline", "INSERT INTO placed_orders VALUES (99, 'order-9', NULL, NULL, '1999')", ADDED, "placed_orders"),
    Fault("timeline", "DROP VIEW line_versions", MISSING, SCHEMA),
    Fault("ledger", "UPDATE messages SET detail = 'x' WHERE position = 4", CHANGED, "messages"),
    Fault("ledger", "DELETE FROM messages WHERE position = 4", MISSING, "messages"),
    Fault("tally", "INSERT INTO tally VALUES ('order_lost', 1)", ADDED, "tally"),
]


@pytest.fixture(scope="module")
def folded() -> Iterator[tuple[MemoryLog, Path]]:
    """A log and its live projections, which no test changes."""
    with memory_directory() as directory:
        log = asyncio.run(create_log(build_mixed_log()))
        asyncio.run(fold(log, directory / "folded"))
        yield log, directory


@pytest.fixture
def log(folded: tuple[MemoryLog, Path]) -> MemoryLog:
    return folded[0]


@pytest.fixture
def live(folded: tuple[MemoryLog, Path]) -> Iterator[Path]:
    """A copy of the live projections."""
    live = folded[1] / "live"
    copytree(folded[1] / "folded", live)
    yield live
    rmtree(live)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.projection}: {fault.statement}")
async def test_fault_is_found_where_it_was_planted(log: MemoryLog, live: Path, fault: Fault) -> None:
    edit_live(live, fault.projection, fault.statement)
    outcome = await audit(log, live, (fault.projection,))
    assert (fault.kind, fault.projection, fault.table) in outcome.places, outcome.findings
    assert outcome.report.result == messages.AUDIT_RESULT_FINDINGS


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE snapshots SET state = zeroblob(9)", CHANGED),
        ("DELETE FROM snapshots", MISSING),
        ("INSERT INTO snapshots SELECT order_no, 64, state FROM snapshots", ADDED),
    ],
)
async def test_changed_snapshot_is_found(
    tmp_path: Path, statement: str, kind: messages.AuditFindingKind.ValueType
) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    for number in range(40):
        builder.add_fact("order-1", remove("plum") if number % 2 else PLUM_ADDED)
    log = await create_log(builder)
    await fold(log, tmp_path)
    edit_live(tmp_path, "orders", statement)
    [finding] = (await audit(log, tmp_path, ("orders",))).findings
    assert (finding.kind, finding.table, finding.order_id) == (kind, "snapshots", "order-1")


async def test_finding_names_order_record_and_only_the_columns_that_differ(log: MemoryLog, live: Path) -> None:
    edit_live(
        live, "orders", "UPDATE links SET digest = zeroblob(16) WHERE version = 2 AND NOT is_refusal AND time > 0"
    )
    [finding] = (await audit(log, live)).findings
    digest = log.records[0][3].digest
    assert (finding.order_id, finding.position.partition, finding.position.offset) == ("order-1", 0, 3)
    assert finding.key == "order_id=order-1, version=2, offset=3"
    assert (finding.expected, finding.stored) == (f"digest={digest.hex()}", f"digest={'0' * 32}")


async def test_finding_in_the_timeline_names_the_order(log: MemoryLog, live: Path) -> None:
    edit_live(live, "timeline", "UPDATE order_changes SET status = 'lost' WHERE version = 2")
    [finding] = (await audit(log, live, ("timeline",))).findings
    assert (finding.order_id, finding.position.offset, finding.stored) == ("order-1", 3, "status=lost")


async def test_changed_state_of_an_order_is_shown_by_the_fields_that_differ(log: MemoryLog, live: Path) -> None:
    order = Order(order_id="order-1", customer_id="thief")
    edit_live(
        live, "orders", f"UPDATE orders SET state = x'{order.SerializeToString().hex()}' WHERE order_id = 'order-1'"
    )
    [finding] = (await audit(log, live, ("orders",))).findings
    assert finding.stored == 'state={"customerId": "thief"}'
    assert finding.expected.startswith('state={"customerId": "shop-1", ')


async def test_changed_time_for_which_json_has_no_text_is_a_finding(log: MemoryLog, live: Path) -> None:
    order = Order(order_id="order-1", create_time=Timestamp(seconds=1 << 40)).SerializeToString()
    edit_live(live, "orders", f"UPDATE orders SET state = x'{order.hex()}' WHERE order_id = 'order-1'")
    [finding] = (await audit(log, live, ("orders",))).findings
    assert (finding.kind, finding.order_id) == (CHANGED, "order-1")


async def test_rows_are_compared_without_the_index_that_sorts_them(log: MemoryLog, live: Path) -> None:
    edit_live(live, "orders", "DROP INDEX orders_by_key", "UPDATE links SET digest = zeroblob(16) WHERE version = 2")
    outcome = await audit(log, live, ("orders",))
    assert {(MISSING, "orders", SCHEMA), (CHANGED, "orders", "links")} <= outcome.places
    assert not outcome.not_compared


async def test_long_values_are_shortened_and_still_look_different(log: MemoryLog, live: Path) -> None:
    edit_live(live, "history", "UPDATE events SET frame = zeroblob(500) WHERE position = 0")
    [finding] = (await audit(log, live, ("history",))).findings
    assert finding.stored.endswith(" (500 bytes)")
    assert finding.expected.startswith("frame=sha256:")
    assert max(len(finding.expected), len(finding.stored)) < 60
    assert finding.expected != finding.stored


async def test_every_row_is_counted_and_the_first_thousand_of_a_table_are_sent(log: MemoryLog, live: Path) -> None:
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1200) SELECT 'event-' || i, 1 FROM n"
    edit_live(live, "tally", f"INSERT INTO tally {rows}")
    outcome = await audit(log, live)
    [tally] = [projection for projection in outcome.report.projections if projection.name == "tally"]
    [table] = [table for table in tally.tables if table.finding_count]
    assert (len(outcome.findings), table.finding_count, table.stored_count - table.expected_count) == (
        1_000,
        1_200,
        1_200,
    )
