"""The projector over a whole topic, beside the same records in the embedded log."""

import asyncio
from pathlib import Path
from statistics import median

from benchmarks.on_kafka.brokers import Site, site
from benchmarks.projector import ROUNDS, seconds_of_projector, seconds_on_embedded
from benchmarks.samples import BATCH, make_log
from benchmarks.table import Row
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.port import Entry, Log


def measure(events: int) -> Row:
    """Return events a second from an empty read model to a current one, from either log, in turns."""
    ours, limit = [], []
    with site() as there:
        folder, data = there.folder, there.folder / "data"
        make_log(data, events)
        asyncio.run(_copy(data, there))
        for round_ in range(ROUNDS):
            limit.append(events / asyncio.run(seconds_on_embedded(data, folder / f"embedded-{round_}")))
            ours.append(events / asyncio.run(_seconds(there, folder / f"kafka-{round_}")))
    name = f"Kafka: projector from offset 0, of {events:,} events"
    return Row(name, "events/s", median(ours), "ours from the embedded log", median(limit), 0.8)


async def _copy(data: Path, there: Site) -> None:
    source, target = EmbeddedLog.follow(data), await _open(there)
    offset = 0
    while records := await source.read(0, offset, BATCH):
        await target.append(0, [Entry(record.key, record.value) for record in records])
        offset += len(records)
    for log in (source, target):
        await log.close()


async def _seconds(there: Site, path: Path) -> float:
    return await seconds_of_projector(await _open(there), path)


async def _open(there: Site) -> Log:
    return await KafkaLog.open({"bootstrap.servers": there.bootstrap})
