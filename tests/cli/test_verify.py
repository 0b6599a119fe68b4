"""`ordertrail verify` as the holder of a receipt uses it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict, MessageToJson
from google.protobuf.timestamp_pb2 import Timestamp
from tests.cli.command_line import ORDERTRAIL, CommandLine, serve_directory
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, remove, write_log

from ordertrail import receipt_verifier
from ordertrail.chain import digest
from ordertrail.client import connect
from ordertrail.receipt_chain import ReceiptResult
from ordertrail.v1.position_pb2 import Position
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.cli.value_text import time_text
from ordertrail_server.log.port import Entry
from ordertrail_server.log.token import PageKey, write_page_token, write_token

CASES = ("fine", "refused", "rewritten", "predecessor", "void")


def build_records() -> tuple[list[Entry], dict[str, Receipt]]:
    """Return the records of a log, and the receipt of the last fact of each order as it once was."""
    original, changed = LogBuilder(), LogBuilder()
    for builder, second_event in ((original, PLUM_ADDED), (changed, remove("apple"))):
        for order_id in CASES:
            builder.add_fact(order_id, PLACED)
        builder.add_refusal("refused")
        for order_id in CASES:
            builder.add_fact(order_id, second_event)
        for order_id in CASES:
            builder.add_fact(order_id, CONFIRMED)
        builder.add_late_record("void", follows=2)
        builder.add_fact("broken", PLACED)
        builder.add_broken_record("broken")
    records = original.records[0]
    receipts = {entry.key: _receipt_of(entry, 3, offset) for offset, entry in enumerate(records)}
    for offset, entry in enumerate(records):
        # One order was rewritten as a whole, of another only the record in the middle.
        if entry.key == "rewritten" or (entry.key == "predecessor" and 5 < offset < 11):
            records[offset] = changed.records[0][offset]
    return records, receipts


def _receipt_of(entry: Entry, version: int, offset: int) -> Receipt:
    position = Position(topic="orders.events", partition=0, offset=offset)
    return Receipt(order_id=entry.key, order_version=version, digest=digest(entry.value), position=position)


RECORDS, RECEIPTS = build_records()
FOREIGN_TOKEN = write_token(b"another log 1234", {0: 1})


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    data = tmp_path_factory.mktemp("verify")
    write_log(data, RECORDS)
    with serve_directory(data) as address:
        yield CommandLine(address)


@pytest.mark.parametrize(
    ("order_id", "exit_code", "result", "proven_count"),
    [
        ("fine", 0, "VERIFIED", 3),
        ("refused", 0, "VERIFIED", 4),
        ("rewritten", 1, "RECORD_CHANGED", 0),
        ("predecessor", 1, "PREDECESSOR_CHANGED", 1),
        ("void", 1, "NOT_A_FACT", 3),
    ],
)
def test_result_and_exit_code_of_a_receipt(
    cli: CommandLine, order_id: str, exit_code: int, result: str, proven_count: int
) -> None:
    completed = cli.run("verify", MessageToJson(RECEIPTS[order_id]), "--json")
    assert completed.returncode == exit_code, completed.stderr
    verification = json.loads(completed.stdout)
    assert (verification["result"], len(verification["links"])) == (result, proven_count)
    assert bool(verification["detail"]) == (exit_code != 0)


def test_receipt_of_an_acknowledged_command_is_verified_from_a_file_and_from_stdin(
    cli: CommandLine, tmp_path: Path
) -> None:
    receipt = RECEIPTS["fine"]
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps({"receipt": {**MessageToDict(receipt), "aFieldOfALaterRelease": 1}}))
    completed = cli.run("verify", str(file))
    assert completed.returncode == 0, completed.stderr
    *_, sentence = completed.stdout.splitlines()
    assert sentence == (
        "Verified: version 3 of order fine is in the log as the receipt says, and so are all 3 records of the order up "
        "to it."
    )
    assert receipt.digest.hex() in completed.stdout
    with file.open() as stdin:
        arguments = [*ORDERTRAIL, "verify", "-"]
        piped = subprocess.run(arguments, stdin=stdin, env=cli.environment, capture_output=True, text=True, check=False)
    assert (piped.returncode, piped.stdout) == (0, completed.stdout)


async def test_record_that_is_no_fact_is_reported_even_if_its_predecessors_are_not_found(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_verifier, "SCAN_LIMIT", 0)
    async with connect(cli.target) as client:
        verification = await client.verify(RECEIPTS["broken"])
    assert verification.result is ReceiptResult.NOT_A_FACT
    assert verification.detail.startswith("The server does not accept the record as a fact: ")
    assert verification.detail.endswith("was not found in 0 records.")


def test_receipt_of_another_log_or_a_newer_one_is_not_verified(cli: CommandLine) -> None:
    receipt = Receipt()
    receipt.CopyFrom(RECEIPTS["fine"])
    receipt.consistency_token = FOREIGN_TOKEN
    foreign = cli.run("verify", MessageToJson(receipt))
    assert (foreign.returncode, foreign.stdout.splitlines()[-1]) == (
        1,
        "Not verified, foreign log: The receipt is of another log.",
    )
    receipt.ClearField("consistency_token")
    receipt.position.offset = 1_000
    newer = cli.run("verify", MessageToJson(receipt))
    assert (newer.returncode, newer.stdout.splitlines()[-1]) == (
        1,
        "Not verified, newer than the log: The log holds no record at partition 0, offset 1000.",
    )


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        ("{}", "The receipt has no digest or no position"),
        ('{"digest": 7}', "RECEIPT is not a receipt as JSON"),
        ("{", "RECEIPT is not a receipt as JSON"),
        ('{"receipt": 7}', "RECEIPT is not a receipt as JSON"),
        ('{"receipt":' * 100_000, "RECEIPT is not a receipt as JSON"),
        ("no-such-file", "The receipt cannot be read from no-such-file: No such file or directory."),
        (
            MessageToJson(Receipt(digest=b"0" * 16, position=Position(partition=0, offset=0), consistency_token="ä")),
            "token",
        ),
        (
            MessageToJson(
                Receipt(
                    digest=b"0" * 16, position=Position(offset=0), consistency_token=write_page_token(b"f", PageKey(1))
                )
            ),
            "The consistency token of the receipt is damaged.",
        ),
        (
            MessageToJson(
                Receipt(digest=b"0" * 16, position=Position(offset=0), consistency_token=f"{FOREIGN_TOKEN[:-6]}AAAAAA")
            ),
            "The consistency token of the receipt is damaged.",
        ),
    ],
)
def test_text_that_is_no_receipt_ends_with_exit_code_2(cli: CommandLine, receipt: str, reason: str) -> None:
    arguments = [*ORDERTRAIL, "verify", "-" if receipt.startswith("{") else receipt]
    completed = subprocess.run(
        arguments, input=receipt, env=cli.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (completed.returncode, completed.stdout) == (2, "")
    assert reason in completed.stderr


def test_verification_that_cannot_be_printed_ends_with_exit_code_2(cli: CommandLine) -> None:
    with Path("/dev/full").open("wb") as full:
        result = cli.run_as({}, "verify", MessageToJson(RECEIPTS["fine"]), stdout=full)
    assert result.returncode == 2, result.stderr


def test_time_after_the_year_9999_is_printed_as_seconds() -> None:
    assert time_text(Timestamp(seconds=253_402_300_800)) == "253402300800 s"
    assert time_text(Timestamp(seconds=0)) == "1970-01-01 00:00:00.000Z"
