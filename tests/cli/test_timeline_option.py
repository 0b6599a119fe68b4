"""`serve`, `prepare` and `rebuild` leave out the timeline with the option `--no-timeline`."""

import json
from pathlib import Path

import click
import pytest
from tests.cli.command_line import CommandLine
from tests.projections.log_builder import PLACED, LogBuilder, write_log

from ordertrail_server.cli.main import ordertrail
from ordertrail_server.projections.catalog import OWN_NAMES, TIMELINE
from ordertrail_server.projections.generation import list_generations

NOBODY = CommandLine("127.0.0.1:1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    write_log(tmp_path, builder.records[0])
    return tmp_path


@pytest.mark.parametrize("command", [["prepare", "--once"], ["rebuild"]], ids=lambda command: command[0])
def test_command_without_timeline_builds_all_other_projections(data: Path, command: list[str]) -> None:
    result = NOBODY.run(*command, "--data", str(data), "--no-timeline", "--json")
    assert result.returncode == 0, result.stderr
    assert all(json.loads(line) for line in result.stdout.splitlines())
    names = {generation.name for generation in list_generations(data / "projections")}
    assert names == {*OWN_NAMES} - {TIMELINE}


@pytest.mark.parametrize(("arguments", "value"), [([], None), (["--timeline"], True), (["--no-timeline"], False)])
def test_setting_that_is_on_by_default_has_an_option_that_switches_it_off(
    arguments: list[str], value: bool | None
) -> None:
    serve = ordertrail.get_command(click.Context(ordertrail), "serve")
    assert serve is not None
    with serve.make_context("serve", arguments) as context:
        assert context.params["timeline"] is value
    assert "--timeline / --no-timeline" in serve.get_help(context)
