"""The proof at start that every stored version can be read, compared with loading the same protos."""

from statistics import median
from time import process_time
from typing import Final

from google.protobuf.descriptor_pool import DescriptorPool

from benchmarks.evolved_protos import FIRST
from benchmarks.evolved_schema import Tree, build_readers, build_tree, list_files
from benchmarks.schema_change import cycle_changes
from benchmarks.table import MeasurementFailed, Row
from ordertrail_server.schema.proof.record_gaps import envelope_gaps, message_gaps, number_gaps

ROUNDS: Final = 7


def measure(versions: int) -> Row:
    """Return the ms to prove that there are no gaps and to build the readers of `versions` versions of one event."""
    changes = cycle_changes(versions - FIRST)
    ours, limit = [], []
    for _ in range(ROUNDS):
        files = list_files(changes)
        start = process_time()
        pool = DescriptorPool()
        for file in files:
            pool.Add(file)
        loaded = process_time()
        limit.append(loaded - start)
        tree = build_tree(changes)
        start = process_time()
        _prove(tree)
        ours.append(process_time() - start)
    name = f"proof at start, {versions} versions of one event"
    return Row(name, "ms", median(ours) * 1e3, "load their descriptors", median(limit) * 1e3, max_cost=100)


def _prove(tree: Tree) -> None:
    gaps = envelope_gaps(*tree) + number_gaps(*tree) + message_gaps(tree.record)
    if gaps:
        raise MeasurementFailed("; ".join(gaps))
    build_readers(tree)
