"""Without a checkout, as after an installation from a wheel, commands that need one explain how to get it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.authoring.basket_protos import write

from ordertrail_server.cli.main import ordertrail


def prepare_empty_folder(directory: Path) -> None:
    """The folder that the command is run in is empty."""


def empty_folder(directory: Path) -> None:
    (directory / "proto").mkdir()


def other_protos(directory: Path) -> None:
    write(directory / "proto" / "shop.proto", 'syntax = "proto3"; message Basket {}')


@pytest.mark.parametrize("prepare", [prepare_empty_folder, empty_folder, other_protos])
@pytest.mark.parametrize("command", [["new", "OrderPlaced"], ["check"], ["check", "--json"], ["lock"]], ids=" ".join)
def test_command_without_checkout_explains_how_to_get_one(
    command: list[str], prepare: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    result = CliRunner().invoke(ordertrail, ["schema", *command])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: This command works on a checkout of Ordertrail, and proto holds no protos of it: "
        "clone Ordertrail's repository with git and run the command in the clone, or name its protos with --proto.\n"
    )
    assert not (tmp_path / "proto" / "schema.lock").exists()
