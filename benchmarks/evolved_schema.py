"""Readers of all versions of OrderPlaced in evolved protos."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from benchmarks.evolved_protos import FIRST, evolve_protos
from benchmarks.sample_orders import lines
from benchmarks.schema_change import add_base_fields
from benchmarks.table import MeasurementFailed
from benchmarks.version_draft import EVENT, Change
from ordertrail.evolve.v1 import rules_pb2
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail_server.schema.cases import cases, message_class, message_of
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.public_hops import PublicHops
from ordertrail_server.schema.readers import Reader, Readers


class Version(NamedTuple):
    """A stored version of OrderPlaced: its reader, its class, and the stored bytes of the same order."""

    reader: Reader
    kind: type[Any]
    stored: bytes

    def read(self) -> Any:
        """Return the order as the public event."""
        public = message_class(self.reader.hops[-1].new)()
        self.reader.read(self.stored, public)
        return public

    def parse(self) -> Any:
        """Parse the stored bytes as the public event, without upcasting."""
        public = message_class(self.reader.hops[-1].new)()
        public.MergeFromString(self.stored)
        return public


class Tree(NamedTuple):
    """The two messages that the schema is derived from."""

    record: Descriptor
    history_event: Descriptor


def build_tree(changes: Sequence[Change]) -> Tree:
    """Return the tree in which OrderPlaced has version 3 and one more version for each change."""
    pool = DescriptorPool()
    for file in list_files(changes):
        pool.Add(file)
    return Tree(*(pool.FindMessageTypeByName(message.DESCRIPTOR.full_name) for message in (Record, HistoryEvent)))


def list_files(changes: Sequence[Change]) -> list[FileDescriptorProto]:
    """Return every file of the tree, each after the files that it imports."""
    new = {file.name: file for file in evolve_protos(add_base_fields, changes)}
    today: dict[str, FileDescriptorProto] = {}
    for file in (rules_pb2.DESCRIPTOR, HistoryEvent.DESCRIPTOR.file, *Record.DESCRIPTOR.file.dependencies):
        _add(file, today)
    return [*(new.pop(name, file) for name, file in today.items()), *new.values()]


def build_readers(tree: Tree) -> dict[str, Reader]:
    """Return the reader of each stored message by name. Raises MeasurementFailed if the tree has gaps."""
    families = Families(tree.record)
    public = PublicHops(families, tree.record, tree.history_event)
    if gaps := families.gaps + public.gaps:
        raise MeasurementFailed("; ".join(gaps))
    readers = Readers(families, public)
    readers_by_case = map(readers.of, cases(tree.record))
    return {reader.name: reader for reader in readers_by_case if reader is not None}


def build_versions(changes: Sequence[Change]) -> list[Version]:
    """Return version 3 of OrderPlaced and all later ones. Exits if they do not read as equal events."""
    tree = build_tree(changes)
    versions = list(_versions(tree, build_readers(tree)))
    if any(version.read() != versions[-1].read() for version in versions):
        raise MeasurementFailed("the versions of one order do not read as equal events")
    return versions


def create_order(kind: type[Any]) -> Any:
    """Return the sample order in a version of OrderPlaced that has the names of version 3."""
    placed = OrderPlaced(customer_id="shop-1", lines=lines(1), expected_delivery_date=Date(year=2026, month=12, day=24))
    order = kind.FromString(placed.SerializeToString())
    order.priority, order.note, order.door = 2, "second floor, ring twice", "on the left"
    weight = kind.DESCRIPTOR.fields_by_name.get("weight")
    if weight is not None:
        order.weight = 1.5
    return order


def _versions(tree: Tree, readers: dict[str, Reader]) -> Iterator[Version]:
    kinds = [message_class(message_of(case)) for case in cases(tree.record) if message_of(case).name == EVENT]
    order = create_order(next(kind for kind in kinds if kind.DESCRIPTOR.full_name.endswith(f"events.v{FIRST}.{EVENT}")))
    while True:
        reader = readers[order.DESCRIPTOR.full_name]
        yield Version(reader, type(order), order.SerializeToString())
        if len(reader.hops) == 1:
            return
        newer = message_class(reader.hops[0].new)()
        compile_hop(reader.hops[0])(order, newer)
        order = newer


def _add(file: FileDescriptor, files: dict[str, FileDescriptorProto]) -> None:
    for dependency in file.dependencies:
        _add(dependency, files)
    files[file.name] = proto = FileDescriptorProto()
    file.CopyToProto(proto)
