"""Text from outside cannot control the terminal, on stdout or stderr, in any command."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine, serve_directory, stop
from tests.projections.log_builder import LogBuilder, write_log

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderCancelled, OrderedLine, OrderPlaced

# A new title, an erased screen, a one-byte colour code, right-to-left text, a line break.
HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31m\u202e\r\n"
# As Python escapes what cannot be printed.
SHOWN = r"\x1b]0;title\x07\x1b[2J\x9b31m\u202e\r\n"

ORDER, PARKED, STATEMENT, CUSTOMER = f"order{HOSTILE}", f"parked{HOSTILE}", f"stated{HOSTILE}", f"shop{HOSTILE}"


def build_hostile_log() -> LogBuilder:
    """A log on which every text that a producer chose is hostile."""
    builder = LogBuilder()
    price = Money(currency_code=f"E{HOSTILE}", units=1)
    lines = [OrderedLine(product_id=f"pen{HOSTILE}", quantity=1, unit_price=price)]
    for order_id in (ORDER, PARKED):
        builder.add_fact(order_id, OrderPlaced(customer_id=CUSTOMER, lines=lines))
    builder.add_fact(ORDER, OrderCancelled(reason=f"late{HOSTILE}"))
    builder.add_future_event(PARKED)
    items = [v1.OrderItem(product_id="pen", quantity=1)]
    builder.add_statement(
        STATEMENT, v1.OrderCreated(order_id=STATEMENT, items=items, expected_delivery_date=f"soon{HOSTILE}")
    )
    return builder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("hostile")
    write_log(data, build_hostile_log().records[0])
    return data


@pytest.fixture(scope="module")
def ordertrail(data: Path) -> Iterator[CommandLine]:
    with serve_directory(data) as address:
        command_line = CommandLine(address)
        command_line.wait_until_projected()
        yield command_line


def assert_harmless(printed: str) -> None:
    assert [char for char in printed if not char.isprintable() and char != "\n"] == []
    assert SHOWN in printed


COMMANDS = [
    ["history", ORDER],
    ["history", PARKED],
    ["history", STATEMENT],
    ["history", f"nosuch{HOSTILE}"],
    ["history", "--customer", CUSTOMER],
    ["orders"],
    ["parked", "list"],
    ["parked", "show", PARKED],
    ["parked", "show", STATEMENT],
    ["parked", "retry", PARKED],
    ["parked", "retry", ORDER],
    ["schema", "explain", "0:0"],
    ["schema", "explain", "0:4"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command).replace(HOSTILE, ""))
def test_commands_escape_unprintable_text_of_a_server(ordertrail: CommandLine, command: list[str]) -> None:
    result = ordertrail.run(*command)
    assert_harmless(result.stdout + result.stderr)


def test_followed_history_escapes_unprintable_text(ordertrail: CommandLine) -> None:
    following = ordertrail.start("history", "--customer", CUSTOMER, "--follow")
    try:
        assert following.stdout is not None
        assert following.stderr is not None
        assert_harmless(following.stdout.readline())
        assert_harmless(following.stderr.readline())
    finally:
        stop(following)


def test_tail_escapes_unprintable_text_of_each_record(ordertrail: CommandLine, data: Path) -> None:
    lines = ordertrail.run("tail", "--data", str(data)).stdout.splitlines()
    assert len(lines) == 5
    for line in lines:
        assert_harmless(line)


def test_refused_document_is_reported_without_unprintable_text(ordertrail: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text(f'{{"type": "Order{"".join(f"{chr(92)}u{ord(char):04x}" for char in HOSTILE)}"}}\n')
    report = ordertrail.run("import-json", str(file)).stdout
    assert [char for char in report if not char.isprintable() and char != "\n"] == []
    assert "is unknown. [UNREADABLE_DOCUMENT]" in report
