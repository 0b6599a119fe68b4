"""The projections over a whole topic, compared with the same records in an embedded log."""

import asyncio
from pathlib import Path
from statistics import median

from benchmarks.kafka.site import Site, run_site
from benchmarks.projector import ROUNDS, seconds_of_engine, seconds_on_embedded
from benchmarks.sample_orders import BATCH, create_log
from benchmarks.table import Row
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.port import Entry, Log


def measure(events: int) -> Row:
    """Return the events/s of an engine with new projections, from Kafka and from the embedded log, alternately."""
    ours, limit = [], []
    with run_site() as kafka_site:
        folder, data = kafka_site.folder, kafka_site.folder / "data"
        create_log(data, events)
        asyncio.run(_copy(data, kafka_site))
        for round_ in range(ROUNDS):
            limit.append(events / asyncio.run(seconds_on_embedded(data, folder / f"embedded-{round_}")))
            ours.append(events / asyncio.run(_seconds(kafka_site, folder / f"kafka-{round_}")))
    name = f"Kafka: projections from offset 0, of {events:,} events"
    return Row(name, "events/s", median(ours), "Ordertrail from the embedded log", median(limit), 0.8)


async def _copy(data: Path, kafka_site: Site) -> None:
    source, target = EmbeddedLog.follow(data), await _open(kafka_site)
    offset = 0
    while records := await source.read(0, offset, BATCH):
        await target.append(0, [Entry(record.key, record.value) for record in records])
        offset += len(records)
    for log in (source, target):
        await log.close()


async def _seconds(kafka_site: Site, directory: Path) -> float:
    return await seconds_of_engine(await _open(kafka_site), directory)


async def _open(kafka_site: Site) -> Log:
    return await KafkaLog.open({"bootstrap.servers": kafka_site.bootstrap})
