"""Writer and projector fold a log of damaged records to the same state, and the file of the projection keeps it."""

from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from tests.commands.simulation.order_stores import NothingProjected, open_file_store
from tests.corpus.damage import SETTINGS, damage_record
from tests.log.memory import MemoryLog

from ordertrail_server.commands.fold import Fold
from ordertrail_server.facts.step import Place
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.chain import Verdict, digest
from ordertrail_server.projections.order_fold import OrderFold
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
async def test_writer_and_projector_fold_a_damaged_log_alike(tmp_path: Path, seed: int) -> None:
    records = build_log(Random(seed))
    writer = Fold(LOG, 0, NothingProjected())
    projector = OrderFold(LOG.topic, Place(0, LOG.partitions), {}, lambda order_id, version: ())
    verdicts: Counter[Verdict | None] = Counter()
    for logged in records:
        verdicts[writer.take(logged)] += 1
        projector.take(logged)
    batch = projector.batch
    assert {order_id: writer.aggregate(order_id) for order_id in projector.orders} == projector.orders
    assert verdicts[Verdict.FACT] == len(batch.facts) + len(batch.waiting) > 0
    assert verdicts == Counter([Verdict.FACT] * verdicts[Verdict.FACT]) + Counter(j.verdict for _, j in batch.non_facts)
    folded = [fact.logged for fact in batch.facts] + [fact.logged for fact in batch.waiting]
    non_facts = [logged for logged, _ in batch.non_facts]
    assert sorted(logged.offset for logged in folded + non_facts) == list(range(RECORDS))
    with closing(await open_file_store(tmp_path / "orders.sqlite", LOG)) as store:
        store.project(records)
        assert {order_id: store.aggregate(order_id)[0] for order_id in projector.orders} == projector.orders
        for order_id, link in projector.links:
            assert store.receipt(order_id, link.request) == find_first_link(projector, order_id, link.request)


def find_first_link(projector: OrderFold, order_id: str, request: bytes) -> object:
    return next(link for of, link in projector.links if (of, link.request) == (order_id, request))
