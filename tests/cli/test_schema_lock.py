"""`ordertrail schema lock` adds what is new, once, and refuses where anything is wrong."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.schema.other_protos import Protos, record_after

from ordertrail.evolve.v1 import rules_pb2
from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.cli.schema.lock import lock
from ordertrail_server.schema import proof
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.lock import locked_messages, with_unlocked

WHOLE = with_unlocked(Record.DESCRIPTOR, "")
NEWEST = WHOLE.index("message ordertrail.events.v2.OrderReturned")


def run(proto: Path) -> Result:
    return CliRunner().invoke(lock, ["--proto", str(proto)])


def test_the_first_lock_has_every_stored_message(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 0
    assert (tmp_path / "schema.lock").read_text(encoding="utf-8") == WHOLE


def test_what_is_not_locked_is_added_and_named(tmp_path: Path) -> None:
    file = tmp_path / "schema.lock"
    file.write_text(WHOLE[:NEWEST])
    result = run(tmp_path)
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "locked ordertrail.events.v2.OrderReturned")
    assert "locked ordertrail.log.v1.Record.order_returned_v2" in result.output.splitlines()
    assert file.read_text().startswith(WHOLE[:NEWEST])


def test_a_second_run_adds_nothing(tmp_path: Path) -> None:
    run(tmp_path)
    result = run(tmp_path)
    assert (result.exit_code, result.output) == (0, "Nothing to add: all is locked.\n")
    assert (tmp_path / "schema.lock").read_text() == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["schema.lock"]


def test_nothing_is_added_to_a_lock_that_does_not_hold(tmp_path: Path) -> None:
    edited = WHOLE[:NEWEST].replace("int64 units", "int32 units")
    (tmp_path / "schema.lock").write_text(edited)
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "- message ordertrail.events.v2.Money: number 2 was `optional int32 units`" in result.output
    assert (tmp_path / "schema.lock").read_text() == edited


def name_no_function(protos: Protos) -> None:
    protos.message("events.v2.OrderPlaced").options.Extensions[rules_pb2.message].ClearField("python")


def test_nothing_is_locked_that_has_no_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "FAMILIES", Families(record_after(name_no_function)))
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "ordertrail.events.v1.OrderCreated" in result.output
    assert not (tmp_path / "schema.lock").exists()


def test_the_locked_messages_are_those_that_stand_in_it(tmp_path: Path) -> None:
    file = tmp_path / "schema.lock"
    assert locked_messages(file) == set()
    file.write_text(WHOLE[:NEWEST])
    assert {"ordertrail.events.v1.OrderPlaced", "ordertrail.log.v1.Cause"} <= locked_messages(file)
    assert "ordertrail.events.v2.OrderReturned" not in locked_messages(file)
