"""Every setting has bounds, and a server does not start with a value outside of them.

The bounds of a number give the values to try. For any other setting, this module lists them.
"""

import re
from dataclasses import fields
from typing import Any

import click
import pytest
from click.testing import CliRunner
from tests.cli.command_line import CommandLine

from ordertrail_server.cli.main import ordertrail
from ordertrail_server.edge.address import FORMS
from ordertrail_server.setting_text import describe_bounds, flag_name, is_number
from ordertrail_server.setting_values import read_settings
from ordertrail_server.settings import ROLE_QUERY_ALONE, Settings

SETTINGS = {setting.name: setting for setting in fields(Settings)}
NO_NUMBERS = ["", "x", "nan", "inf", "-inf", "1e400", "0x10", "1;2"]
OUTSIDE = {
    "data": [""],
    "log": ["", "x", "KAFKA"],
    "bootstrap": [",", "a:9092,", ":9092", "a:0", "a:99999", "a:-1", "a b:9092", "[::1]:x"],
    "topic": ["", ".", "..", "a b", "a/b", "é", "x" * 250],
    "commands_topic": [".", "..", "a b", "a/b", "é", "x" * 250],
    "subscriptions_topic": [".", "..", "a b", "a/b", "é", "x" * 250],
    "advertise": ["0.0.0.0:50051", "[::]:50051", "127.0.0.1", "127.0.0.1:0", ":50051", "unix:"],
    "role": ["", "x"],
    "listen": ["", "127.0.0.1", "127.0.0.1:99999", ":50051", "unix:"],
    "admin_listen": ["127.0.0.1", "127.0.0.1:99999", "unix:/run/admin.sock"],
    "log_format": ["", "x", "JSON"],
    "log_level": ["", "x", "INFO"],
    "access_log": ["", " ", "maybe", "2"],
    "tls_cert": [""],
    "tls_key": [""],
    "tls_client_ca": [""],
    "tls_ca": [""],
    "insecure": ["", " ", "maybe", "2"],
    "allow_unlocked_schema": ["", " ", "maybe", "2"],
    "timeline": ["", " ", "maybe", "2"],
    "admin_public": ["", " ", "maybe", "2"],
    "webhook_allow": ["x", ",", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8;::1", "1.2.3", "x" * 500],
    "webhook_ca": [""],
    "policy": [""],
}
INSIDE = {
    "data": ["some directory"],
    "log": ["embedded"],
    "bootstrap": ["", "a:9092", "a", "a:9092, b:9093", "[::1]:9092", "[::1]", "PLAINTEXT://a:9092"],
    "topic": ["a", "A.b_c-9", "x" * 249],
    "commands_topic": ["", "a", "A.b_c-9", "x" * 249],
    "subscriptions_topic": ["", "a", "A.b_c-9", "x" * 249],
    "advertise": ["", "orders-1:50051", "[::1]:50051", "unix:/run/orders.sock"],
    "role": ["command", "projector, query"],
    "listen": ["127.0.0.1:0", "[::1]:50051", "unix:/run/orders.sock"],
    "admin_listen": ["", "127.0.0.1:0", "[::1]:9464"],
    "log_format": ["auto", "text", "json"],
    "log_level": ["debug", "info", "warning", "error"],
    "access_log": ["true", "0"],
    # They need each other: tests/e2e/tls.
    "tls_cert": [],
    "tls_key": [],
    "tls_client_ca": [],
    "tls_ca": ["ca.pem"],
    "insecure": ["true", "0"],
    "allow_unlocked_schema": ["true", "0"],
    "timeline": ["false", "1"],
    "admin_public": ["true", "0"],
    "webhook_allow": ["", "10.0.0.0/8", "10.1.2.3, ::1,fd00::/8"],
    "webhook_ca": ["some file"],
    "policy": ["policy.toml"],
}
UNSET = ("bootstrap", "commands_topic", "subscriptions_topic", "advertise", "admin_listen")
"""Settings that have no value by default."""

# A server that starts in spite of a wrong value fails with this directory.
NOWHERE = ["--data", "/dev/null/none"]
NUMBERS = [name for name, setting in SETTINGS.items() if is_number(setting)]


def limits(name: str) -> tuple[Any, Any]:
    kind = SETTINGS[name].metadata["kind"]
    return kind.min, kind.max


def values_out_of_bounds(name: str) -> list[str]:
    """Return values out of a setting's bounds; every setting has some."""
    if name not in NUMBERS:
        return OUTSIDE[name]
    minimum, maximum = limits(name)
    assert minimum >= 0
    assert maximum < 10**13
    whole = ["1.5"] if SETTINGS[name].type is int else []
    return [*NO_NUMBERS, *whole, str(minimum - 1), str(maximum + 1), "-1", "9" * 5_000, *(["0"] if minimum > 0 else [])]


def values_within_bounds(name: str) -> list[str]:
    return INSIDE[name] if name not in NUMBERS else [str(bound) for bound in limits(name)]


OUT_OF_BOUNDS = [(name, value) for name in SETTINGS for value in values_out_of_bounds(name)]
WITHIN_BOUNDS = [(name, value) for name in SETTINGS for value in values_within_bounds(name)]


def shorten(value: object) -> str:
    return ascii(value)[:30]


@pytest.mark.parametrize(("name", "value"), OUT_OF_BOUNDS, ids=shorten)
def test_value_out_of_bounds_is_refused_with_name_value_and_bounds(name: str, value: str) -> None:
    variable = f"ORDERTRAIL_{name.upper()}"
    result = CliRunner(env={variable: value}).invoke(ordertrail, ["serve", *([] if name == "data" else NOWHERE)])
    assert result.exit_code == 2
    *_, sentence = result.stderr.splitlines()
    assert sentence.startswith(f"Error: {variable} is ")
    assert value[:50] in sentence
    assert describe_bounds(SETTINGS[name]) in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize(("name", "value"), WITHIN_BOUNDS, ids=shorten)
def test_value_within_bounds_is_accepted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ORDERTRAIL_{name.upper()}", value)
    assert str(getattr(read_settings({}), name)) or name in UNSET


def test_every_refused_setting_is_named() -> None:
    environment = {"ORDERTRAIL_GRACE_SECONDS": "nan", "ORDERTRAIL_WAITING_COMMANDS": "0"}
    sentence = CliRunner(env=environment).invoke(ordertrail, ["serve", *NOWHERE]).stderr.splitlines()[-1]
    assert re.findall(r"ORDERTRAIL_\w+", sentence) == ["ORDERTRAIL_GRACE_SECONDS", "ORDERTRAIL_WAITING_COMMANDS"]


@pytest.mark.parametrize(("name", "value"), [("listen", "127.0.0.1"), ("topic", "a b"), ("bootstrap", "a:0")])
def test_refused_flag_is_named_as_it_was_typed(name: str, value: str) -> None:
    result = CliRunner(env={"ORDERTRAIL_GRACE_SECONDS": "-1"}).invoke(ordertrail, ["serve", f"--{name}", value])
    sentence = result.stderr.splitlines()[-1]
    assert f"--{name} is {value!r}, but must be " in sentence
    assert re.findall(r"ORDERTRAIL_\w+", sentence) == ["ORDERTRAIL_GRACE_SECONDS"]


def test_events_and_commands_on_one_topic_are_refused() -> None:
    result = CliRunner().invoke(ordertrail, ["serve", *NOWHERE, "--topic", "a", "--commands-topic", "a"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: submitted commands need another topic than the log")


@pytest.mark.parametrize("value", ["", "127.0.0.1", "::1:50051", "a b:50051"])
def test_refused_address_has_the_valid_forms_once(value: str) -> None:
    for command in (["serve", "--listen", value], ["orders", "--target", value]):
        result = CliRunner().invoke(ordertrail, command)
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1].count(FORMS) == 1


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_an_option_with_help(name: str) -> None:
    command = ordertrail.get_command(click.Context(ordertrail), "serve")
    assert command is not None
    [option] = [param for param in command.params if param.name == name]
    assert isinstance(option, click.Option)
    assert option.opts == [flag_name(name)]
    assert option.help


def test_option_wins_over_its_environment_variable() -> None:
    environment = {"ORDERTRAIL_ROLE": "nosuch", "ORDERTRAIL_GRACE_SECONDS": "nan"}
    arguments = ["serve", "--role", "command", "--role", "query", "--grace-seconds", "1"]
    sentence = CliRunner(env=environment).invoke(ordertrail, arguments).stderr.splitlines()[-1]
    assert sentence == f"Error: {ROLE_QUERY_ALONE}"


def test_defaults_are_within_bounds() -> None:
    defaults: dict[str, Any] = {name: setting.default for name, setting in SETTINGS.items()}
    assert read_settings(defaults) == Settings(**defaults)


@pytest.mark.parametrize(
    "args",
    [
        ["tail", "--data", ".", "--partition", "32768"],
        ["tail", "--data", ".", "--partition", "0", "--from", str(1 << 48)],
        ["tail", "--bootstrap", "a:99999"],
        ["topics", "check", "--bootstrap", ",", "--topic", "a"],
        ["topics", "check", "--bootstrap", "a:9092", "--topic", "a b"],
        ["produce", "1", "--life", "nan"],
        ["produce", "1", "--life", "inf"],
        ["produce", "9" * 30],
        ["orders", "--limit", "-1"],
    ],
    ids=" ".join,
)
def test_option_out_of_bounds_is_refused(args: list[str]) -> None:
    result = CommandLine("127.0.0.1:1").run(*args)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("Error: Invalid value for ")


def number_options(command: click.Command, path: str) -> list[tuple[str, click.Parameter]]:
    """Return every parameter of a command, and of those in it, that takes a number."""
    options = [
        (path, parameter)
        for parameter in command.params
        if isinstance(parameter.type, click.IntRange | click.FloatRange) or parameter.type in (click.INT, click.FLOAT)
    ]
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            options += number_options(inner, f"{path} {name}")
    return options


def test_every_number_of_the_command_line_has_a_minimum() -> None:
    # Any whole number names a run of sample orders.
    options = number_options(ordertrail, "")
    unbounded = {f"{path} {parameter.name}" for path, parameter in options if not has_minimum(parameter)}
    assert unbounded == {" produce seed"}


def has_minimum(parameter: click.Parameter) -> bool:
    kind = parameter.type
    return isinstance(kind, click.IntRange | click.FloatRange) and kind.min is not None


def test_data_directory_that_cannot_be_created_is_named_with_the_reason() -> None:
    result = CliRunner(env={"ORDERTRAIL_LOG_FORMAT": "text"}).invoke(ordertrail, ["serve", *NOWHERE])
    assert (result.exit_code, result.stderr) == (1, "Error: /dev/null/none: Not a directory\n")
