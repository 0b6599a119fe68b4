"""A log and its live projections in tests, and their audit in this process."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder
from tests.projections.sample_projections import Ledger, Tally

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail_server.log.port import Log
from ordertrail_server.projections.audit.audit import Audit
from ordertrail_server.projections.audit.scratch_directory import scratch_directory
from ordertrail_server.projections.catalog import OWN_NAMES
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.storage.checked.connection import connect_checked_writer

NAMES = (*OWN_NAMES, Ledger.name, Tally.name)

NESTED_STATEMENT = v1.OrderCreated(
    order_id="order-3",
    creation_date="2019-03-01T10:15:30.123Z",
    expected_delivery_date="03/15/2019",
    items=[v1.OrderItem(product_id="fig", quantity=10)],
)

CHANGED = messages.AUDIT_FINDING_KIND_ROW_CHANGED
MISSING = messages.AUDIT_FINDING_KIND_ROW_MISSING
ADDED = messages.AUDIT_FINDING_KIND_ROW_ADDED


class AuditOutcome(NamedTuple):
    """The messages of an audit, and the damaged files that it reported."""

    report: messages.AuditReport
    findings: list[messages.AuditFinding]
    progress: list[messages.AuditProgress]
    damaged: list[Path]

    @property
    def places(self) -> set[tuple[int, str, str]]:
        """Kind, projection and table of the findings."""
        return {(finding.kind, finding.projection, finding.table) for finding in self.findings}

    @property
    def not_compared(self) -> dict[str, str]:
        return {p.name: p.not_compared_reason for p in self.report.projections if p.not_compared_reason}


def build_mixed_log() -> LogBuilder:
    """Return facts of several stored versions, void records, refusals, a barrier, and a parked order."""
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_statement("order-2")
    builder.add_statement("order-3", NESTED_STATEMENT)
    builder.add_fact("order-1", PLUM_ADDED, seconds=5)
    builder.add_repetition("order-1", version=1)
    builder.add_late_record("order-1", follows=1)
    builder.add_refusal("order-1")
    builder.add_future_event("order-2")
    builder.add_fact("order-2", CONFIRMED)
    builder.add_barrier("order-1")
    return builder


async def fold(log: Log, directory: Path, batch: int = 7) -> None:
    """Fold a log into the live generations."""
    with closing(await open_engine(log, directory, NAMES, batch=batch)) as engine:
        await engine.catch_up()


async def audit(
    log: Log,
    directory: Path,
    names: tuple[str, ...] = NAMES,
    on_progress: Callable[[messages.AuditProgress], None] = lambda progress: None,
) -> AuditOutcome:
    """Audit the live generations. Fails if the audit counts fewer findings than it sends."""
    outcome = AuditOutcome(messages.AuditReport(), [], [], [])

    def keep(message: messages.AuditProjectionsResponse) -> None:
        if message.HasField("finding"):
            outcome.findings.append(message.finding)
        elif message.HasField("progress"):
            outcome.progress.append(message.progress)
            on_progress(message.progress)
        else:
            outcome.report.CopyFrom(message.report)

    def keep_damaged(file: Path, damage: str) -> None:
        outcome.damaged.append(file)

    with scratch_directory(directory) as scratch:
        await Audit(log, directory, scratch, names, keep, keep_damaged).run()
    assert outcome.report.finding_count >= len(outcome.findings)
    return outcome


def edit_live(directory: Path, name: str, *statements: str) -> None:
    """Change rows of a live generation through a checked connection, so that the checksums of its pages are right."""
    with closing(connect_checked_writer(live_generation(directory, name))) as connection:
        for statement in statements:
            connection.execute(statement)
