"""`ordertrail schema lock` appends new entries once, and refuses an inconsistent schema or lock."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.authoring.real_protos import copy_protos
from tests.schema.edited_protos import Protos, record_after

from ordertrail.evolve.v1 import rules_pb2
from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.cli.schema.lock import lock
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.lock.lock_file import LOCK_NAME, append_unlocked, locked_messages
from ordertrail_server.schema.proof import schema_check

WHOLE = append_unlocked(Record.DESCRIPTOR, "")
NEWEST = WHOLE.index("message ordertrail.events.v2.OrderReturned")
CASELESS = 'syntax = "proto3"; package ordertrail.events.v9; message OrderReturned {}'


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    """The protos as they are, of which nothing is released."""
    proto = copy_protos(tmp_path)
    (proto / LOCK_NAME).unlink()
    return proto


def run(proto: Path) -> Result:
    return CliRunner().invoke(lock, ["--proto", str(proto)])


def test_first_lock_has_every_stored_message(proto: Path) -> None:
    assert run(proto).exit_code == 0
    assert (proto / "schema.lock").read_text(encoding="utf-8") == WHOLE


def test_lock_adds_and_names_missing_messages(proto: Path) -> None:
    file = proto / "schema.lock"
    file.write_text(WHOLE[:NEWEST])
    result = run(proto)
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "locked ordertrail.events.v2.OrderReturned")
    assert "locked ordertrail.log.v1.Record.order_returned_v2" in result.output.splitlines()
    assert file.read_text().startswith(WHOLE[:NEWEST])


def test_second_lock_adds_nothing(proto: Path) -> None:
    run(proto)
    result = run(proto)
    assert (result.exit_code, result.output) == (0, "Nothing to add: all messages are locked.\n")
    assert (proto / "schema.lock").read_text() == WHOLE
    assert [path.name for path in proto.glob("schema.*")] == ["schema.lock"]


def test_nothing_is_added_to_a_lock_with_a_changed_entry(proto: Path) -> None:
    edited = WHOLE[:NEWEST].replace("int64 units", "int32 units")
    (proto / "schema.lock").write_text(edited)
    result = run(proto)
    assert result.exit_code == 1
    assert "- message ordertrail.events.v2.Money: number 2 was `optional int32 units`" in result.output
    assert (proto / "schema.lock").read_text() == edited


def name_no_function(protos: Protos) -> None:
    protos.message("events.v2.OrderPlaced").options.Extensions[rules_pb2.message].ClearField("python")


def test_nothing_is_locked_while_an_event_cannot_be_read(proto: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_check, "FAMILIES", Families(record_after(name_no_function)))
    result = run(proto)
    assert result.exit_code == 1
    assert "ordertrail.events.v1.OrderCreated" in result.output
    assert not (proto / "schema.lock").exists()


def test_protos_edited_after_code_generation_are_not_locked(proto: Path) -> None:
    edited = proto / "ordertrail" / "events" / "v2" / "order_events.proto"
    edited.write_text(edited.read_text().replace("optional string customer_id = 1;", "optional string shop_id = 1;", 1))
    result = run(proto)
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        1,
        "- ordertrail/events/v2/order_events.proto was edited since the code was generated: run `make generate`",
    )
    assert not (proto / "schema.lock").exists()


def test_protos_that_do_not_compile_are_not_locked(proto: Path) -> None:
    (proto / "ordertrail" / "events" / "v2" / "order_events.proto").write_text("message {")
    result = run(proto)
    assert result.exit_code == 1
    assert "- buf cannot read the protos" in result.output
    assert not (proto / "schema.lock").exists()


def test_nothing_is_locked_if_no_record_can_hold_an_event(proto: Path) -> None:
    (proto / "beside_what_is_generated.proto").write_text(CASELESS)
    result = run(proto)
    assert result.exit_code == 1
    assert "- ordertrail.events.v9.OrderReturned is an event without a case in" in result.output
    assert not (proto / "schema.lock").exists()


def test_locked_messages_are_read_from_the_lock(proto: Path) -> None:
    file = proto / "schema.lock"
    assert locked_messages(file) == set()
    file.write_text(WHOLE[:NEWEST])
    assert {"ordertrail.events.v1.OrderPlaced", "ordertrail.log.v1.Cause"} <= locked_messages(file)
    assert "ordertrail.events.v2.OrderReturned" not in locked_messages(file)
