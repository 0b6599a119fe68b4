"""The output of `ordertrail audit`: findings as they come, and the report."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail_server.cli.projections.build_progress import ProgressBar, show_progress
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.value_text import escape, json_line

HEADINGS = ("Projection", "Table", "Stored", "Expected", "Findings")
RESULTS = {
    messages.AUDIT_RESULT_CLEAN: "Nothing was found: the projections are what the log says.",
    messages.AUDIT_RESULT_INCOMPLETE: "Nothing was found, but not everything was compared.",
}

NOUNS = {
    "record_count": "records",
    "order_count": "orders",
    "fact_count": "facts",
    "waiting_count": "waiting",
    "refusal_count": "refusals",
    "void_count": "void",
    "broken_count": "broken",
    "foreign_count": "foreign",
    "barrier_count": "barriers",
    "parked_count": "parked",
}


class AuditOutput:
    """Shows the messages of one audit. `result` is that of its report, once it came."""

    def __init__(self, bar: ProgressBar, *, as_json: bool) -> None:
        self._bar, self._as_json = bar, as_json
        self.result: messages.AuditResult.ValueType = messages.AUDIT_RESULT_UNSPECIFIED

    def show(self, message: messages.AuditProjectionsResponse) -> None:
        """Print a message, or move the progress bar."""
        if message.HasField("report"):
            self.result = message.report.result
        if self._as_json:
            click.echo(json_line(message))
        elif message.HasField("progress"):
            folded_count = message.progress.folded_count
            self._bar(folded_count, folded_count + message.progress.remaining_count)
        else:
            self._bar.hide()
            self._print(message)

    def _print(self, message: messages.AuditProjectionsResponse) -> None:
        if message.HasField("finding"):
            click.echo(escape(describe_finding(message.finding)))
        elif message.HasField("report"):
            _print_report(message.report)


@contextmanager
def audit_output(*, as_json: bool) -> Iterator[AuditOutput]:
    """Show a progress bar on a terminal while the body runs an audit."""
    with show_progress("auditing", disable=as_json) as bar:
        yield AuditOutput(bar, as_json=as_json)


def describe_finding(finding: messages.AuditFinding) -> str:
    """Return one line: what was found, where, and both values."""
    kind = messages.AuditFindingKind.Name(finding.kind).removeprefix("AUDIT_FINDING_KIND_").lower().replace("_", " ")
    places = [".".join(filter(None, (finding.projection, finding.table))), _order_text(finding), finding.key]
    values = [f"expected {finding.expected}" if finding.expected else ""]
    values += [f"stored {finding.stored}" if finding.stored else "", finding.detail]
    return f"{kind}: {'; '.join(filter(None, (*places, *values)))}"


def _order_text(finding: messages.AuditFinding) -> str:
    parts = [f"order {finding.order_id}" if finding.order_id else ""]
    if finding.HasField("position"):
        position = finding.position
        has_offset = position.HasField("offset")
        parts.append(f"at {position.partition}:{position.offset}" if has_offset else f"partition {position.partition}")
    return " ".join(filter(None, parts))


def _print_report(report: messages.AuditReport) -> None:
    print_table(HEADINGS, [row for projection in report.projections for row in _rows(projection)], HEADINGS[2:])
    click.echo(", ".join(f"{count:,} {NOUNS[field.name]}" for field, count in report.counts.ListFields()))
    for projection in report.projections:
        if projection.not_compared_reason:
            click.echo(escape(f"{projection.name}: not compared, because {projection.not_compared_reason}."))
        if projection.replaced:
            click.echo(f"{projection.name}: another generation became live during the audit.")
    findings = "1 finding." if report.finding_count == 1 else f"{report.finding_count:,} findings."
    click.echo(RESULTS.get(report.result) or findings)


def _rows(projection: messages.AuditedProjection) -> Iterator[Sequence[str]]:
    """Yield a row for all tables together, and one for each that has findings."""
    tables = projection.tables
    yield _row(projection.name, "", tables)
    yield from (_row("", table.table, [table]) for table in tables if table.finding_count)


def _row(name: str, table: str, tables: Sequence[messages.AuditedTable]) -> Sequence[str]:
    stored_count, expected_count = sum(t.stored_count for t in tables), sum(t.expected_count for t in tables)
    return name, table, f"{stored_count:,}", f"{expected_count:,}", f"{sum(t.finding_count for t in tables):,}"
