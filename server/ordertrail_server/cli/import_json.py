"""`ordertrail import-json`: orders that older producers wrote, from a file."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from io import BufferedReader
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.document_lines import LONGEST, document_lines, origin_prefix
from ordertrail_server.cli.printing import json_line, plain
from ordertrail_server.cli.target import FIRST_CONTACT_SECONDS, calls_server, target_option, told

if TYPE_CHECKING:
    from ordertrail.v1.order_import_service_pb2 import ImportResult, SourceDocument

UNREACHABLE = 2
EPILOG = """\b
Examples:
  ordertrail import-json orders.jsonl
  ordertrail import-json orders.jsonl --json | grep '"line"'

Exit codes: 0 all taken in, 1 some lines refused, 2 wrong usage or no server."""


@click.command("import-json", epilog=EPILOG)
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a refused line, and one of the counts.")
@target_option
@calls_server(exit_code=UNREACHABLE)
async def import_json(file: BufferedReader, as_json: bool, target: str) -> None:
    """Take in orders that older producers wrote: one JSON document a line.

    Each becomes the fact that its producer stated. Blank lines are skipped; a line that is no order is shown with its
    reason, and the rest goes in. Importing a file again adds nothing.
    """
    from ordertrail.client import connect

    report = Report(as_json)
    async with connect(target, actor="ordertrail import-json") as orders:
        await orders.reach(FIRST_CONTACT_SECONDS)
        async with aclosing(orders.import_documents(_documents(file, report))) as results:
            async for result in results:
                report.note(result)
    report.finish()
    if report.counts["refused"]:
        raise click.exceptions.Exit(1)


def _documents(file: BufferedReader, report: "Report") -> "Iterator[SourceDocument]":
    from ordertrail.v1.order_import_service_pb2 import SourceDocument

    prefix = origin_prefix(file)
    for line in document_lines(file):
        if line.json is None:
            report.too_long.append(line.number)
        else:
            yield SourceDocument(origin=f"{prefix}{line.number}", json=line.json)


@dataclass
class Report:
    """What became of the lines so far; refused ones are printed in their order, as soon as they are known.

    `too_long` holds the lines that were not sent and are not printed yet.
    """

    as_json: bool
    counts: Counter[str] = field(default_factory=Counter)
    too_long: deque[int] = field(default_factory=deque)

    def note(self, result: "ImportResult") -> None:
        """Count a result."""
        from ordertrail.errors import from_status

        number = int(result.origin.rpartition(":")[2])
        self._refuse_too_long(number)
        if result.HasField("receipt"):
            self.counts["already there" if result.receipt.replayed else "taken in"] += 1
            return
        error = from_status(result.status)
        self._refuse(number, error.reason, error.message if self.as_json else told(error))

    def finish(self) -> None:
        """Print what is left to print, and the counts."""
        self._refuse_too_long(None)
        taken, there, refused = (self.counts[name] for name in ("taken in", "already there", "refused"))
        if self.as_json:
            click.echo(json_line({"takenIn": taken, "alreadyThere": there, "refused": refused}))
        else:
            click.echo(f"{taken:,} taken in, {there:,} already there, {refused:,} refused")

    def _refuse_too_long(self, before: int | None) -> None:
        while self.too_long and (before is None or self.too_long[0] < before):
            self._refuse(self.too_long.popleft(), "REQUEST_TOO_LARGE", f"The line is longer than {LONGEST:,} bytes.")

    def _refuse(self, number: int, reason: str, sentence: str) -> None:
        self.counts["refused"] += 1
        if self.as_json:
            click.echo(json_line({"line": number, "reason": reason, "message": sentence}))
        else:
            click.echo(f"line {number}: {plain(sentence)}")
