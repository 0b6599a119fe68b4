import json
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine

from ordertrail_server.cli.document_file import origin_prefix
from ordertrail_server.cli.document_line import MAX_DOCUMENT_BYTES, DocumentLine, read_document_lines

FLAT = (
    '{"id": 17, "company": "retailer-1", "productId": "p_23", "quantity": 3000, "unitPrice": 5, '
    '"timestamp": 1553000000000}'
)
NESTED = (
    '{"orderID": "order001", "order": {"orderID": "order001", "creationDate": "2019-03-01T10:15:30.123Z", '
    '"expectedDeliveryDate": "03/15/2019", "items": [{"productID": "product 01", "quantity": 10}]}, '
    '"timestamp": "2019-03-01T10:15:31.000Z", "type": "OrderCreated"}'
)


def write_lines(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_orders_of_both_producers_are_imported_once(ordertrail: CommandLine, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "orders.jsonl", FLAT, "", NESTED, "   ")
    assert ordertrail.record("import-json", file) == [{"takenIn": 2, "alreadyThere": 0, "refused": 0}]
    assert ordertrail.lines("import-json", file) == [{"takenIn": 0, "alreadyThere": 2, "refused": 0}]
    (order,) = ordertrail.lines("orders", "--reference", "17")
    assert order["customerId"] == "retailer-1"
    assert order["lines"][0]["quantity"] == "3000"
    (event,) = ordertrail.lines("history", "order001")
    assert event["orderPlaced"]["expectedDeliveryDate"] == {"year": 2019, "month": 3, "day": 15}
    assert event["cause"]["origin"].endswith(":3")


def test_invalid_lines_are_reported_and_others_imported(ordertrail: CommandLine, tmp_path: Path) -> None:
    other_document = FLAT.replace("17", "18")
    file = write_lines(tmp_path / "orders.jsonl", '{"type": "Nope"}', "x" * 70_000, other_document, "no JSON")
    result = ordertrail.run("import-json", file)
    *refusals, counts = result.stdout.splitlines()
    assert [line.partition(":")[0] for line in refusals] == ["line 1", "line 2", "line 4"]
    assert refusals[0].startswith('line 1: The type "Nope" is unknown. [UNREADABLE_DOCUMENT] Correct the document')
    assert refusals[1] == "line 2: The line is longer than 65,536 bytes."
    assert counts == "1 imported, 0 already imported, 3 refused"
    assert result.returncode == 1


def test_json_has_each_refused_line(ordertrail: CommandLine, tmp_path: Path) -> None:
    result = ordertrail.run("import-json", write_lines(tmp_path / "orders.jsonl", '{"type": "Nope"}'), "--json")
    refusals, counts = [json.loads(line) for line in result.stdout.splitlines()]
    assert refusals == {"line": 1, "reason": "UNREADABLE_DOCUMENT", "message": 'The type "Nope" is unknown.'}
    assert counts == {"takenIn": 0, "alreadyThere": 0, "refused": 1}


def test_import_without_a_server_has_exit_code_2(tmp_path: Path) -> None:
    result = CommandLine("127.0.0.1:1").run("import-json", write_lines(tmp_path / "orders.jsonl", FLAT))
    assert result.returncode == 2


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize(
    ("length", "fits"), [(MAX_DOCUMENT_BYTES, True), (MAX_DOCUMENT_BYTES + 1, False), (3 * MAX_DOCUMENT_BYTES, False)]
)
def test_line_can_be_as_long_as_a_document(tmp_path: Path, length: int, fits: bool, ending: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"first\n" + b"x" * length + ending)
    with path.open("rb") as file:
        lines = list(read_document_lines(file))
    assert lines == [DocumentLine(1, b"first"), DocumentLine(2, b"x" * length if fits else None)]


def test_origin_begins_with_the_digest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with path.open("rb") as file:
        assert origin_prefix(file) == "file:e3b0c44298fc1c149afbf4c8996fb924:"
