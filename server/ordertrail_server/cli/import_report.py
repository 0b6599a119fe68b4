"""The report of an import: each refused document at once, and the counts at the end."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.document_line import MAX_DOCUMENT_BYTES
from ordertrail_server.cli.server_call import describe_call_error
from ordertrail_server.cli.value_text import escape, json_line

if TYPE_CHECKING:
    from ordertrail.v1.order_import_service_pb2 import ImportResult

REFUSED = "refused"
# The digest of a file is part of the origin of each of its lines, so lines of a changed file are new documents.
CORRECTED_LINES = (
    "Import corrected lines from a new file that has only them:"
    " the other lines of a changed file would be imported again, as new orders."
)
_IN_JSON = {"imported": "takenIn", "already imported": "alreadyThere"}


@dataclass
class Report:
    """Counts the outcomes of documents, and prints each refusal at once.

    `counts` starts with the outcomes that are printed at the end even if they are 0.
    """

    as_json: bool
    counts: Counter[str] = field(default_factory=lambda: Counter({"imported": 0, "already imported": 0, REFUSED: 0}))

    def count_result(self, result: "ImportResult") -> None:
        """Count a result, and print a refusal."""
        from ordertrail.errors import from_status

        if result.HasField("receipt"):
            self.counts["already imported" if result.receipt.replayed else "imported"] += 1
            return
        error = from_status(result.status)
        self._report(
            REFUSED, result.origin, error.reason, error.message if self.as_json else describe_call_error(error)
        )

    def print_counts(self) -> None:
        """Print the counts."""
        if self.as_json:
            click.echo(json_line({_IN_JSON.get(name, name): count for name, count in self.counts.items()}))
        else:
            click.echo(", ".join(f"{count:,} {name}" for name, count in self.counts.items()))

    def position(self, origin: str) -> tuple[str, Mapping[str, Any]]:
        """Return a document's position in the input, as text and as JSON members."""
        raise NotImplementedError

    def _report(self, outcome: str, origin: str, reason: str, sentence: str) -> None:
        self.counts[outcome] += 1
        text, members = self.position(origin)
        if self.as_json:
            click.echo(json_line({**members, "reason": reason, "message": sentence}))
        else:
            click.echo(f"{text}: {escape(sentence)}")


@dataclass
class LineReport(Report):
    """Reports on lines of a file, in order. `too_long` holds lines that were not sent and are not reported yet."""

    too_long: deque[int] = field(default_factory=deque)

    def count_result(self, result: "ImportResult") -> None:
        """Count a result."""
        self._refuse_too_long(int(result.origin.rpartition(":")[2]))
        super().count_result(result)

    def print_counts(self) -> None:
        """Print the remaining refusals, and the counts."""
        self._refuse_too_long(None)
        super().print_counts()
        if self.counts[REFUSED] and not self.as_json:
            click.echo(CORRECTED_LINES, err=True)

    def position(self, origin: str) -> tuple[str, Mapping[str, Any]]:
        """Return the number of the line."""
        number = int(origin.rpartition(":")[2])
        return f"line {number}", {"line": number}

    def _refuse_too_long(self, before: int | None) -> None:
        while self.too_long and (before is None or self.too_long[0] < before):
            line = str(self.too_long.popleft())
            self._report(REFUSED, line, "REQUEST_TOO_LARGE", f"The line is longer than {MAX_DOCUMENT_BYTES:,} bytes.")
