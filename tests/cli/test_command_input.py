"""Commands are read from JSON as a whole; a mistake names its line, and nothing is submitted."""

from pathlib import Path

import pytest

from ordertrail_server.cli.command_input import CommandInputRefused, read_commands

CONFIRM = '{"confirmOrder": {"orderId": "order-1"}}'
SHIP = '{"ship_order": {"order_id": "order-1"}}'


def verbs(source: str) -> list[tuple[int, str | None]]:
    return [(command.line, command.command.WhichOneof("verb")) for command in read_commands(source)]


def test_argument_is_one_command() -> None:
    assert verbs(f" {CONFIRM}") == [(1, "confirm_order")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{CONFIRM}\n{SHIP}\n", [(1, "confirm_order"), (2, "ship_order")]),
        (f"\ufeff{CONFIRM}\r\n\r\n  {SHIP}", [(1, "confirm_order"), (3, "ship_order")]),
        ('{\n "confirmOrder": {\n  "orderId": "order-1"\n }\n}\n' + SHIP, [(1, "confirm_order"), (6, "ship_order")]),
        (CONFIRM + SHIP, [(1, "confirm_order"), (1, "ship_order")]),
    ],
    ids=["lines", "blank lines", "indented", "one line"],
)
def test_file_holds_commands_one_after_another(tmp_path: Path, text: str, expected: list[tuple[int, str]]) -> None:
    file = tmp_path / "commands.jsonl"
    file.write_text(text, newline="")
    assert verbs(str(file)) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no JSON", "Line 2 is not JSON: Expecting value."),
        ('{"confirmOrder": ', "Line 2 is not JSON: Expecting ',' delimiter."),
        ("[" * 100_000, "Line 2 is not JSON: it is nested too deeply."),
        ("[]", "Line 2 is not a command: it must be an object with a verb"),
        ("{}", "Line 2 is not a command: it must be an object with a verb"),
        ('{"dropTables": {}}', 'has no field named "dropTables"'),
        ('{"confirmOrder": {"orderID": "order-1"}}', 'has no field named "orderID"'),
        ('{"confirmOrder": {"expectedVersion": "first"}}', "Line 2 is not a command: Failed to parse expectedVersion"),
        ('{"confirmOrder": {"orderId": "\\ud800"}}', "Line 2 is not a command: "),
        (f"{CONFIRM[:-1]}, {SHIP[1:]}", "Line 2 is not a command: "),
    ],
)
def test_mistake_is_refused_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "commands.jsonl"
    file.write_text(f"{CONFIRM}\n{line}\n{SHIP}")
    with pytest.raises(CommandInputRefused) as refusal:
        read_commands(str(file))
    assert reason in str(refusal.value)
    assert str(refusal.value).endswith(" Nothing was submitted.")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\xff{}", "it is not UTF-8 text."), (b" \n", "The input holds no command.")]
)
def test_file_without_commands_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "commands.jsonl"
    file.write_bytes(content)
    with pytest.raises(CommandInputRefused, match=reason):
        read_commands(str(file))


@pytest.mark.parametrize("name", ["no-such-file", "", "a\0b"])
def test_file_that_cannot_be_opened_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandInputRefused, match="cannot be read: "):
        read_commands(name)
