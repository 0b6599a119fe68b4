"""The messages of one audit: findings at once, progress at intervals, and the report at the end."""

from collections.abc import Callable, Iterable
from time import monotonic

from ordertrail.v1 import projection_audit_pb2 as messages

PROGRESS_SECONDS = 0.5

Send = Callable[[messages.AuditProjectionsResponse], None]


class AuditMessages:
    """Sends the messages of an audit and writes its report. `total_count` is the number of records to fold."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sent_at = 0.0
        self.total_count = self._folded_count = self._finding_count = self._row_finding_count = 0
        self.report = messages.AuditReport()

    def note_folded(self, count: int) -> None:
        """Send the progress of the fold, if the last one is old enough."""
        self._folded_count = count
        if monotonic() >= self._sent_at + PROGRESS_SECONDS:
            self._send_progress("")

    def begin_comparison(self, projection: str) -> None:
        """Send that a projection is being compared."""
        self._send_progress(projection)

    def send_finding(self, finding: messages.AuditFinding) -> None:
        """Send a finding of a table of the projection that is being compared."""
        self._row_finding_count += 1
        self._send(messages.AuditProjectionsResponse(finding=finding))

    def add_finding(self, finding: messages.AuditFinding, *, is_sent: bool = True) -> None:
        """Count a finding of a file or of the log, and send it."""
        self._finding_count += 1
        if is_sent:
            self._send(messages.AuditProjectionsResponse(finding=finding))

    def add_projection(self, projection: messages.AuditedProjection) -> None:
        """Add the comparison of a projection to the report. Its tables count their findings, also those not sent.

        If the comparison failed, there are no tables, and the findings that were sent before still count.
        """
        table_counts = [table.finding_count for table in projection.tables]
        self._finding_count += sum(table_counts) if table_counts else self._row_finding_count
        self._row_finding_count = 0
        self.report.projections.append(projection)

    def send_report(self, replaced_names: Iterable[str]) -> None:
        """Send the report. `replaced_names` are the projections whose live generation is another one now."""
        report = self.report
        for projection in report.projections:
            projection.replaced = projection.name in replaced_names
        report.finding_count = self._finding_count
        if self._finding_count:
            report.result = messages.AUDIT_RESULT_FINDINGS
        elif any(projection.not_compared_reason for projection in report.projections):
            report.result = messages.AUDIT_RESULT_INCOMPLETE
        else:
            report.result = messages.AUDIT_RESULT_CLEAN
        self._send(messages.AuditProjectionsResponse(report=report))

    def _send_progress(self, projection: str) -> None:
        self._sent_at = monotonic()
        remaining_count = max(0, self.total_count - self._folded_count)
        progress = messages.AuditProgress(
            folded_count=self._folded_count, remaining_count=remaining_count, projection=projection
        )
        self._send(messages.AuditProjectionsResponse(progress=progress))
