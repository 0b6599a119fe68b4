"""A failed command prints one sentence on stderr, for all arguments, locales and outputs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command_line import ENVIRONMENT, CommandLine

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LATIN_1 = {"PYTHONIOENCODING": "latin-1"}
BROKERS = ["--bootstrap", "127.0.0.1:1"]
EMOJI = "shop-\N{ROLLING ON THE FLOOR LAUGHING}"


@pytest.fixture(scope="module")
def emoji_order(ordertrail: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The reference of an order whose customer has a character that Latin-1 cannot represent."""
    file = tmp_path_factory.mktemp("emoji") / "orders.jsonl"
    file.write_text(json.dumps({"id": 18_001, "company": EMOJI, "productId": "p", "quantity": 1}))
    ordertrail.record("import-json", str(file))
    return "18001"


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize(
    "args",
    [
        ["history", b"\xff"],
        ["orders", "--customer", b"\xff"],
        ["orders", "--target", b"\xff"],
        ["topics", "check", *BROKERS, "--topic", b"\xff"],
        ["topics", "create", "--bootstrap", b"\xff"],
        ["tail", *BROKERS, "--group", b"\xff"],
        ["import-json", "--from-topic", b"\xff", *BROKERS],
        ["log", "copy", "--data", "d", "--to", "data", *BROKERS, "--topic", b"\xff"],
        ["serve", "--log", "kafka", *BROKERS, "--topic", b"\xff"],
    ],
    ids=lambda args: " ".join(str(arg) for arg in args[:2]),
)
def test_argument_that_is_not_utf_8_is_wrong_usage(args: list[str | bytes]) -> None:
    result = CommandLine("127.0.0.1:1").run_as({}, *args)
    assert result.returncode == 2
    assert result.stderr.endswith(b": '\\udcff' is not UTF-8.\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ORDERTRAIL_KAFKA_SASL_PASSWORD", "The value of sasl.password is not UTF-8."),
        ("ORDERTRAIL_KAFKA_\udcff", "The setting '\\udcff' is not UTF-8."),
    ],
)
def test_environment_setting_that_is_not_utf_8_is_refused_by_name(name: str, message: str, tmp_path: Path) -> None:
    environment = {"ORDERTRAIL_BOOTSTRAP": "127.0.0.1:1", name: "\udcff"}
    result = CommandLine("").run_as(environment, "serve", "--log", "kafka", "--data", str(tmp_path))
    assert (result.returncode, result.stderr.decode()) == (1, f"Error: {message}\n")


@pytest.mark.parametrize("args", [["topics", "check", "--topic="], ["topics", "create", "--topic="]])
def test_empty_topic_name_is_refused(args: list[str]) -> None:
    result = CommandLine("").run_as({}, *args, *BROKERS)
    assert result.returncode == 2
    assert b"'' cannot be used" in result.stderr


def test_argument_beyond_the_locale_is_read_as_utf_8(ordertrail: CommandLine) -> None:
    result = ordertrail.run_as(C_LOCALE, "history", "é-1".encode())
    assert (result.returncode, result.stderr.decode()) == (1, "Error: Found no events of order é-1; check the id.\n")


@pytest.mark.parametrize("locale", [C_LOCALE, LATIN_1], ids=["C", "Latin-1"])
def test_json_is_valid_if_the_encoding_cannot_represent_a_character(
    ordertrail: CommandLine, emoji_order: str, locale: dict[str, str]
) -> None:
    result = ordertrail.run_as(locale, "orders", "--reference", emoji_order, "--json")
    assert (result.returncode, result.stderr) == (0, b"")
    assert json.loads(result.stdout.decode("utf-8" if locale is C_LOCALE else "latin-1"))["customerId"] == EMOJI


def test_table_is_drawn_in_ascii_if_the_encoding_has_no_line_characters(
    ordertrail: CommandLine, emoji_order: str
) -> None:
    result = ordertrail.run_as(LATIN_1, "orders", "--reference", emoji_order)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"| placed |" in result.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "args", [["--help"], ["orders", "--all"], ["orders", "--all", "--json"], ["produce", "1", "--show-acks"]]
)
def test_full_disk_is_reported_in_one_sentence(ordertrail: CommandLine, args: list[str], unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        result = ordertrail.run_as({"PYTHONUNBUFFERED": unbuffered}, *args, stdout=full)
    assert result.returncode == 1
    assert result.stderr == b"Error: The output cannot be written: No space left on device.\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("args", [["--help"], ["orders", "--all"], ["orders", "--all", "--json"]])
def test_closed_pipe_ends_every_command_silently(
    ordertrail: CommandLine, closed_pipe: int, args: list[str], unbuffered: str
) -> None:
    result = ordertrail.run_as({"PYTHONUNBUFFERED": unbuffered}, *args, stdout=closed_pipe)
    assert (result.returncode, result.stderr) == (141, b"")


def run_failing(exception: str, kind: str = "click.Command", **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command line whose only command, of this class, raises an exception."""
    script = f"""
import click
from ordertrail_server.cli.exit_code import VerdictCommand, run_and_exit

@click.command(cls={kind})
def fail():
    raise {exception}

run_and_exit(fail)
"""
    return subprocess.run(
        [sys.executable, "-c", script], env={**ENVIRONMENT, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("exception", ["ValueError('bad\\033[2J')", "OSError(28, 'bad\\033[2J')", "MemoryError()"])
def test_unexpected_error_names_the_variable_that_enables_its_traceback(exception: str) -> None:
    result = run_failing(exception)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: Unexpected error: {exception.partition('(')[0]}: ")
    assert result.stderr.endswith(" Set ORDERTRAIL_TRACEBACK=1 to print the traceback.\n")
    assert result.stderr[:-1].isprintable()


def test_unexpected_error_has_a_traceback_if_the_variable_is_set() -> None:
    result = run_failing("ValueError('bad')", ORDERTRAIL_TRACEBACK="1")
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback (most recent call last)")
    assert result.stderr.endswith("ValueError: bad\n")


@pytest.mark.parametrize("traceback", ["", "1"])
def test_failure_of_a_command_whose_exit_code_1_is_a_verdict_ends_with_2(traceback: str) -> None:
    assert run_failing("ValueError('bad')", "VerdictCommand", ORDERTRAIL_TRACEBACK=traceback).returncode == 2


def test_ctrl_c_ends_a_command_with_130() -> None:
    result = run_failing("KeyboardInterrupt")
    assert (result.returncode, result.stderr.strip()) == (130, "")


def test_operator_error_is_printed_as_it_is() -> None:
    imports = "__import__('ordertrail_server.operator_error').operator_error"
    result = run_failing(f"{imports}.OperatorError('The disk is gone.')", ORDERTRAIL_TRACEBACK="1")
    assert (result.returncode, result.stderr) == (1, "Error: The disk is gone.\n")
