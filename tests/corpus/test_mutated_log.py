"""Writer and projector fold a log of damaged records to the same state, and the writer's store keeps that state."""

from collections import Counter
from contextlib import closing
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from tests.corpus.damage import SETTINGS, damage_record
from tests.log.memory import MemoryLog

from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.chain import Verdict, digest
from ordertrail_server.projections.fold import BatchFold, Place
from ordertrail_server.schema.reading import read

LOG = MemoryLog(identity=b"the log's own id")
RECORDS = 500


def build_log(chance: Random) -> list[Logged]:
    """Return samples and damaged samples of the same orders, in random order."""
    records = []
    for offset in range(RECORDS):
        setting = chance.choice(SETTINGS)
        value = damage_record(setting, chance) if chance.randrange(8) else setting.value
        reading = read(value)
        key = reading.event.order_id if reading is not None and chance.randrange(4) else setting.order_id
        records.append(Logged(offset, key, value, digest(value)))
    return records


@pytest.mark.parametrize("seed", range(10))
def test_writer_and_projector_fold_a_damaged_log_alike(tmp_path: Path, seed: int) -> None:
    with closing(StateStore(tmp_path / "state.sqlite", LOG, b"rules")) as store:
        writer = Fold(LOG, 0, store)
        projector = BatchFold(Place(LOG.topic, 0, LOG.partitions), {}, lambda order_id, stored, version: None)
        verdicts: Counter[Verdict | None] = Counter()
        for logged in build_log(Random(seed)):
            verdicts[writer.take(logged)] += 1
            projector.take(logged)
        rows, snapshot = projector.rows, writer.snapshot()
        assert snapshot.orders == rows.orders
        assert verdicts[Verdict.FACT] == len(rows.events) + len(rows.parked) > 0
        tables = ([row[0] for row in rows.events], [row[0] for row in rows.not_facts], [row[0] for row in rows.parked])
        assert sorted(chain.from_iterable(tables)) == list(range(RECORDS))
        store.save(0, snapshot)
        assert {order_id: store.aggregate(order_id) for order_id in snapshot.orders} == snapshot.orders
