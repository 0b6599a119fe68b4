"""What was released is locked, and is today what it was; the image of the last release vouches for the lock's end."""

from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from tests.schema.edited_protos import load_record

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.authoring.request_numbers import unstable_fields
from ordertrail_server.authoring.tree import Tree, read_tree
from ordertrail_server.schema.lock.lock_file import append_unlocked, lock_gaps, read_lock, unlocked_names
from ordertrail_server.schema.lock.sealed_text import entries
from ordertrail_server.schema.lock.shape_changes import describe_changes

PROTO = Path(__file__).resolve().parents[2] / "proto"
IMAGE = FileDescriptorSet.FromString((PROTO / "released.binpb").read_bytes())
# An image from before there were rules cannot tell which ones its messages had.
RULES_TOLD = any(file.package == "ordertrail.evolve.v1" for file in IMAGE.file)


@pytest.fixture(scope="module")
def released() -> Descriptor:
    return load_record(IMAGE)


def shapes(lock: str) -> dict[str, list[str]]:
    lines_by_heading: dict[str, list[str]] = {}
    for entry in entries(lock):
        lines = [line for line in entry.lines if RULES_TOLD or "rule" not in line.split()[:2]]
        lines_by_heading.setdefault(entry.heading, []).extend(lines)
    return lines_by_heading


def test_schema_keeps_what_the_lock_holds() -> None:
    assert lock_gaps(Record.DESCRIPTOR, read_lock()) == []


def test_server_reads_the_lock_beside_the_protos() -> None:
    assert read_lock() == (PROTO / "schema.lock").read_text(encoding="utf-8")


def test_lock_holds_every_name_of_the_last_release(released: Descriptor) -> None:
    assert unlocked_names(released, read_lock()) == []


def test_lock_holds_every_shape_of_the_last_release(released: Descriptor) -> None:
    locked = shapes(read_lock())
    for heading, was in shapes(append_unlocked(released, "")).items():
        grows = heading.startswith(f"message {released.file.package}.")
        assert describe_changes(was, locked[heading], may_grow=grows) == [], heading


def test_new_fields_of_commands_keep_the_digest_of_a_retry() -> None:
    assert list(unstable_fields(read_tree(PROTO), Tree(IMAGE.SerializeToString()))) == []
