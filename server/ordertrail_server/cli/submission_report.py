"""The report of `ordertrail submit`: what became of each command, as a table or as JSON."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.commands.command_text import HEADINGS, command_row, verb_text
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail.v1.submitted_commands_pb2 import SubmittedCommand
    from ordertrail_server.cli.command_sender import Submission


@dataclass
class SubmissionReport:
    """Prints JSON at once, and table rows at the end. `has_refusal` is true after a refused command."""

    as_json: bool
    has_refusal: bool = False
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def report_submission(self, submission: "Submission") -> None:
        """Report a command that was stored, or refused at once."""
        if submission.error is not None:
            self._report_refusal(submission)
            return
        stored = submission.stored
        verb = verb_text(submission.input.command)
        self.rows.append((stored.command_id, stored.order_id, verb, "stored", "-"))
        if self.as_json:
            ids = {"commandId": stored.command_id, "orderId": stored.order_id, "requestId": stored.request_id}
            click.echo(json_line({"line": submission.input.line, **ids, "consistencyToken": submission.token}))

    def report_outcome(self, command: "SubmittedCommand") -> None:
        """Report a command that has an outcome."""
        self.has_refusal |= command.HasField("refusal")
        self.rows.append(command_row(command)[1:])
        if self.as_json:
            click.echo(json_line(command))

    def print_table(self) -> None:
        """Print the table."""
        if self.rows and not self.as_json:
            print_table(HEADINGS[1:], self.rows)

    def _report_refusal(self, submission: "Submission") -> None:
        error, command = submission.error, submission.input.command
        assert error is not None
        self.has_refusal = True
        order_id: str = getattr(command, command.WhichOneof("verb") or "").order_id
        self.rows.append(("-", order_id or "-", verb_text(command), "refused", f"{error.reason}: {error.message}"))
        if self.as_json:
            line = submission.input.line
            click.echo(json_line({"line": line, "reason": error.reason, "message": error.message}))
