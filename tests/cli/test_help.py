import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.cli.command_line import ENVIRONMENT, ORDERTRAIL, CommandLine

from ordertrail_server.cli.commands import SUBMITTED_COMMANDS
from ordertrail_server.cli.log import LOG_COMMANDS
from ordertrail_server.cli.main import COMMANDS, ordertrail
from ordertrail_server.cli.parked import PARKED_COMMANDS
from ordertrail_server.cli.policy import POLICY_COMMANDS
from ordertrail_server.cli.projections import PROJECTION_COMMANDS
from ordertrail_server.cli.schema import SCHEMA_COMMANDS
from ordertrail_server.cli.subscriptions import SUBSCRIPTION_COMMANDS
from ordertrail_server.cli.target import DEFAULT_ADDRESS
from ordertrail_server.cli.topics import TOPIC_COMMANDS
from ordertrail_server.cli.webhooks import WEBHOOK_COMMANDS

GROUPS = {
    "commands": SUBMITTED_COMMANDS,
    "log": LOG_COMMANDS,
    "parked": PARKED_COMMANDS,
    "policy": POLICY_COMMANDS,
    "schema": SCHEMA_COMMANDS,
    "topics": TOPIC_COMMANDS,
    "projections": PROJECTION_COMMANDS,
    "subscriptions": SUBSCRIPTION_COMMANDS,
    "webhooks": WEBHOOK_COMMANDS,
}
# {full name of a command: its summary in the list of commands}
LISTED = {name: line for name, line in COMMANDS.items() if name not in GROUPS} | {
    f"{group} {name}": line for group, commands in GROUPS.items() for name, line in commands.items()
}


def command(name: str) -> click.Command:
    command_or_group: click.Command | None = ordertrail
    for part in name.split():
        assert isinstance(command_or_group, click.Group)
        command_or_group = command_or_group.get_command(click.Context(command_or_group), part)
    assert command_or_group is not None
    return command_or_group


def examples(epilog: str | None) -> list[str]:
    return re.findall(r"^  ordertrail (.+)$", epilog or "", re.MULTILINE)


@pytest.mark.parametrize("name", LISTED)
def test_each_command_has_valid_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("proto").mkdir()
    Path("orders.jsonl").touch()
    lines = examples(command(name).epilog)
    assert lines
    for line in lines:
        called, args = shlex.split(line.partition(" | ")[0]), name.split()
        assert called[: len(args)] == args
        command(name).make_context(name, called[len(args) :]).close()


def test_examples_of_the_main_help_are_valid() -> None:
    for line in examples(ordertrail.epilog):
        called, *args = shlex.split(line)
        command(called).make_context(called, args).close()


@pytest.mark.parametrize("name", GROUPS)
def test_main_help_lists_each_group(name: str) -> None:
    listed = CliRunner().invoke(ordertrail, ["--help"]).output
    assert re.search(rf"^  {name} +{re.escape(COMMANDS[name])}$", listed, re.MULTILINE)


@pytest.mark.parametrize("name", LISTED)
def test_each_command_is_listed_and_has_a_json_option(name: str) -> None:
    *group, last = name.split()
    listed = CliRunner().invoke(ordertrail, [*group, "--help"]).output
    assert re.search(rf"^  {last} +{re.escape(LISTED[name])}$", listed, re.MULTILINE)
    assert "--json" in {option for param in command(name).params for option in param.opts}


@pytest.mark.parametrize("name", ["", *GROUPS, *LISTED])
def test_help_fits_a_terminal_of_80_columns(name: str) -> None:
    text = CliRunner().invoke(ordertrail, [*name.split(), "--help"], terminal_width=80).output
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_help_imports_no_slow_modules() -> None:
    script = """
import sys
from ordertrail_server.cli.main import main
try:
    main()
except SystemExit as ended:
    assert ended.code == 0
print(sorted({"grpc", "google", "rich", "asyncio"} & sys.modules.keys()), file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", script, "--help"], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.stderr == "[]\n"


def test_version_is_printed() -> None:
    result = subprocess.run([*ORDERTRAIL, "--version"], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"ordertrail, version \S.*\n", result.stdout)


@pytest.mark.parametrize("args", [["nosuch"], ["produce"], ["produce", "0"], ["history"], ["orders", "--status", "x"]])
def test_wrong_usage_has_exit_code_2(args: list[str]) -> None:
    result = CommandLine("127.0.0.1:1").run(*args)
    assert result.returncode == 2
    assert result.stderr.startswith("Usage: ")


@pytest.mark.parametrize("target", ["", " "])
def test_empty_target_is_refused(target: str) -> None:
    result = CommandLine(DEFAULT_ADDRESS).run("orders", "--target", target)
    assert result.returncode == 2
    assert "it is empty. Use HOST:PORT" in result.stderr


@pytest.mark.parametrize("args", [["orders"], ["parked", "list"]], ids=" ".join)
def test_limit_below_1_is_refused_with_the_range(args: list[str]) -> None:
    for limit in ("0", "-1"):
        result = CommandLine("127.0.0.1:1").run(*args, "--limit", limit)
        assert result.returncode == 2
        assert f"'--limit': {limit} is not in the range x>=1." in result.stderr


@pytest.mark.parametrize(
    ("module", "command", "advice"),
    [
        ("click", "orders", "Install the server: in a checkout of Ordertrail run `pip install '.[server]'`."),
        ("pysqlite3", "serve", "Install the server: in a checkout of Ordertrail run `pip install '.[server]'`."),
        ("ordertrail.client", "orders", "It is part of Ordertrail: install Ordertrail again."),
    ],
)
def test_missing_module_is_reported_with_how_to_install_it(module: str, command: str, advice: str) -> None:
    script = f"import sys; sys.modules[{module!r}] = None; from ordertrail.entry_point import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", script, command], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == f"The module {module} is missing. {advice}\n"
