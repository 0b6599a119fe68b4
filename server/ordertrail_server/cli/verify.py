"""`ordertrail verify`: check a receipt against the log of a server."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.exit_code import UNCHECKED, VerdictCommand
from ordertrail_server.cli.server_call import CallFailed, calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line, time_text

if TYPE_CHECKING:
    from ordertrail.receipt_chain import ProvenLink, Verification
    from ordertrail.v1.receipt_pb2 import Receipt

NOT_CHECKED = UNCHECKED
LONGEST_RECEIPT = 1 << 20
HEADINGS = ("Version", "Record", "Digest", "Recorded")
EPILOG = """\b
Examples:
  ordertrail verify receipt.json
  ordertrail verify receipt.json --json
  ordertrail verify -

Exit codes: 0 verified, 1 not verified, 2 wrong usage, or it could not be
checked."""


@click.command(cls=VerdictCommand, epilog=EPILOG)
@click.argument("receipt", metavar="RECEIPT")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@target_option
@calls_server(exit_code=NOT_CHECKED)
async def verify(receipt: str, as_json: bool, target: Target) -> None:
    """Check that the log still contains the record of a receipt, and that no record of its order before it was changed.

    RECEIPT is a receipt as JSON, a file with one, or - for stdin. The digests are computed here, from the stored bytes
    of the records, from the receipt's record back to the first one of the order.
    """
    from ordertrail.receipt_chain import ReceiptResult

    message = _parse(_read(receipt))
    async with target.connect() as client:
        try:
            verification = await client.verify(message)
        except ValueError as error:
            raise CallFailed(str(error), NOT_CHECKED) from None
    if as_json:
        click.echo(json_line(_to_json(verification)))
    else:
        _print(verification, message)
    if verification.result is not ReceiptResult.VERIFIED:
        raise click.exceptions.Exit(NOT_CHECKED if verification.result is ReceiptResult.INCOMPLETE else 1)


def _read(receipt: str) -> str:
    if receipt.lstrip().startswith("{"):
        return receipt
    try:
        if receipt == "-":
            return sys.stdin.read(LONGEST_RECEIPT)
        with Path(receipt).open() as file:
            return file.read(LONGEST_RECEIPT)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CallFailed(f"The receipt cannot be read from {escape(receipt)}: {reason}.", NOT_CHECKED) from None


def _parse(text: str) -> "Receipt":
    """Return the receipt of its JSON, or of that of a response to a command."""
    import json

    from google.protobuf.json_format import ParseDict, ParseError

    from ordertrail.v1.receipt_pb2 import Receipt

    try:
        content = json.loads(text)
        content = content.get("receipt", content)
        return ParseDict(content, Receipt(), ignore_unknown_fields=True)
    except (ValueError, AttributeError, TypeError, ParseError, RecursionError) as error:
        raise CallFailed(f"RECEIPT is not a receipt as JSON: {escape(str(error))}.", NOT_CHECKED) from None


def _to_json(verification: "Verification") -> dict[str, object]:
    links = [
        {
            "orderVersion": str(link.record.order_version),
            "position": _position_text(link),
            "digest": link.digest.hex(),
        }
        for link in verification.links
    ]
    return {"result": verification.result.name, "detail": verification.detail, "links": links}


def _print(verification: "Verification", receipt: "Receipt") -> None:
    print_table(HEADINGS, map(_row, verification.links), HEADINGS[:1])
    if verification.detail:
        click.echo(escape(f"Not verified, {verification.result.value}: {verification.detail}"))
        return
    click.echo(
        f"Verified: version {receipt.order_version} of order {escape(receipt.order_id)} is in the log as the receipt "
        f"says, and so are all {len(verification.links):,} records of the order up to it."
    )


def _row(link: "ProvenLink") -> Sequence[str]:
    record = link.record
    return str(record.order_version), _position_text(link), link.digest.hex(), time_text(record.record_time)


def _position_text(link: "ProvenLink") -> str:
    return "" if link.position is None else f"{link.position[0]}:{link.position[1]}"
