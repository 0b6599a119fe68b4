import json
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine

from ordertrail_server.cli.document_file import origin_prefix
from ordertrail_server.cli.document_line import LONGEST, DocumentLine, document_lines

FLAT = (
    '{"id": 17, "company": "retailer-1", "productId": "p_23", "quantity": 3000, "unitPrice": 5, '
    '"timestamp": 1553000000000}'
)
NESTED = (
    '{"orderID": "order001", "order": {"orderID": "order001", "creationDate": "2019-03-01T10:15:30.123Z", '
    '"expectedDeliveryDate": "03/15/2019", "items": [{"productID": "product 01", "quantity": 10}]}, '
    '"timestamp": "2019-03-01T10:15:31.000Z", "type": "OrderCreated"}'
)


def written(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_orders_of_both_producers_come_in_once(ordertrail: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path / "orders.jsonl", FLAT, "", NESTED, "   ")
    assert ordertrail.lines("import-json", file) == [{"takenIn": 2, "alreadyThere": 0, "refused": 0}]
    assert ordertrail.lines("import-json", file) == [{"takenIn": 0, "alreadyThere": 2, "refused": 0}]
    (imported,) = ordertrail.lines("orders", "--reference", "17")
    assert imported["customerId"] == "retailer-1"
    assert imported["lines"][0]["quantity"] == "3000"
    (event,) = ordertrail.lines("history", "order001")
    assert event["orderPlaced"]["expectedDeliveryDate"] == {"year": 2019, "month": 3, "day": 15}
    assert event["cause"]["origin"].endswith(":3")


def test_a_line_that_is_no_order_is_told_and_the_rest_goes_in(ordertrail: CommandLine, tmp_path: Path) -> None:
    other = FLAT.replace("17", "18")
    file = written(tmp_path / "orders.jsonl", '{"type": "Nope"}', "x" * 70_000, other, "no JSON")
    ended = ordertrail.run("import-json", file)
    *refused, counts = ended.stdout.splitlines()
    assert [line.partition(":")[0] for line in refused] == ["line 1", "line 2", "line 4"]
    assert refused[0].startswith('line 1: The type "Nope" is unknown. [UNREADABLE_DOCUMENT] Correct the document')
    assert refused[1] == "line 2: The line is longer than 65,536 bytes."
    assert counts == "1 imported, 0 already imported, 3 refused"
    assert ended.returncode == 1


def test_machines_get_each_refused_line(ordertrail: CommandLine, tmp_path: Path) -> None:
    ended = ordertrail.run("import-json", written(tmp_path / "orders.jsonl", '{"type": "Nope"}'), "--json")
    refused, counts = [json.loads(line) for line in ended.stdout.splitlines()]
    assert refused == {"line": 1, "reason": "UNREADABLE_DOCUMENT", "message": 'The type "Nope" is unknown.'}
    assert counts == {"takenIn": 0, "alreadyThere": 0, "refused": 1}


def test_without_a_server_it_exits_with_2(tmp_path: Path) -> None:
    ended = CommandLine("127.0.0.1:1").run("import-json", written(tmp_path / "orders.jsonl", FLAT))
    assert ended.returncode == 2


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize(("length", "fits"), [(LONGEST, True), (LONGEST + 1, False), (3 * LONGEST, False)])
def test_a_line_may_be_as_long_as_a_document(tmp_path: Path, length: int, fits: bool, ending: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"first\n" + b"x" * length + ending)
    with path.open("rb") as file:
        lines = list(document_lines(file))
    assert lines == [DocumentLine(1, b"first"), DocumentLine(2, b"x" * length if fits else None)]


def test_an_origin_begins_with_the_digest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with path.open("rb") as file:
        assert origin_prefix(file) == "file:e3b0c44298fc1c149afbf4c8996fb924:"
