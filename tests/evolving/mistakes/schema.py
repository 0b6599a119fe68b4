"""The schema of a tree of protos, built as a server builds that of its generated code."""

from pathlib import Path
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from ordertrail_server.authoring.buf import build
from ordertrail_server.schema.cases import cases
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.proof.schema_check import gaps_of
from ordertrail_server.schema.public_hops import PublicHops
from ordertrail_server.schema.readers import Readers


class Schema(NamedTuple):
    """The stored and the public messages of a tree."""

    record: Descriptor
    history_event: Descriptor
    image: bytes

    def gaps(self) -> list[str]:
        """Return the gaps that `check_readings` of `schema.proof.schema_check` finds in these descriptors."""
        families = Families(self.record)
        public = PublicHops(families, self.record, self.history_event)
        # As a server does before it proves anything: a gap must not become a traceback here.
        readers = Readers(families, public)
        for case in cases(self.record):
            readers.of(case)
        for hop in public.hops.values():
            if hop.writes is not None:
                compile_hop(hop.writes)
        return gaps_of(self.record, self.history_event, families, public)


def build_schema(root: Path) -> Schema:
    """Return the schema of the tree below `root`. Raises AuthoringError if it does not compile."""
    image = build(root / "proto")
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(image).file:
        pool.Add(file)
    record, history_event = map(pool.FindMessageTypeByName, ("ordertrail.log.v1.Record", "ordertrail.v1.HistoryEvent"))
    return Schema(record, history_event, image)
