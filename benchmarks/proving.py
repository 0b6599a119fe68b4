"""The proof at start that every version of every event reads as today's, beside loading the same protos."""

from statistics import median
from time import process_time
from typing import Final

from google.protobuf.descriptor_pool import DescriptorPool

from benchmarks.changes import in_turn
from benchmarks.grown_protos import FIRST
from benchmarks.grown_tree import Tree, files_of, readers_of, tree_of
from benchmarks.table import Row
from ordertrail_server.schema.proof.record_gaps import envelope_gaps, message_gaps, number_gaps

ROUNDS: Final = 7


def measure(versions: int) -> Row:
    """Return the ms from descriptors to a reader for each of so many versions of one event, all gaps looked for."""
    changes = in_turn(versions - FIRST)
    ours, limit = [], []
    for _ in range(ROUNDS):
        files = files_of(changes)
        begun = process_time()
        pool = DescriptorPool()
        for file in files:
            pool.Add(file)
        loaded = process_time()
        limit.append(loaded - begun)
        tree = tree_of(changes)
        begun = process_time()
        _prove(tree)
        ours.append(process_time() - begun)
    name = f"proof at start, {versions} versions of one event"
    return Row(name, "ms", median(ours) * 1e3, "load their descriptors", median(limit) * 1e3, ceiling=100)


def _prove(tree: Tree) -> None:
    gaps = envelope_gaps(*tree) + number_gaps(*tree) + message_gaps(tree.record)
    if gaps:
        raise SystemExit("\n".join(gaps))
    readers_of(tree)
