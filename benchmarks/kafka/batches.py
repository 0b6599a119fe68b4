"""Commands in batches of 1,000, on Kafka and on the embedded log."""

import asyncio
from statistics import median

from benchmarks.batched_commands import commands_per_second
from benchmarks.kafka.site import format_brokers, run_site
from benchmarks.server_process import run_ordertrail
from benchmarks.table import Row

ROUNDS, BATCHES, SIZE = 3, 20, 1_000


def measure(brokers: int) -> Row:
    """Return the batched commands/s of one client on Kafka and on the embedded log, measured alternately."""
    ours, limit = [], []
    with (
        run_site(brokers) as kafka_site,
        kafka_site.server("kafka") as kafka_address,
        run_ordertrail(kafka_site.folder / "data") as embedded_address,
    ):
        for _ in range(ROUNDS):
            limit.append(asyncio.run(commands_per_second(embedded_address, SIZE, BATCHES)))
            ours.append(asyncio.run(commands_per_second(kafka_address, SIZE, BATCHES)))
    name = f"Kafka, {format_brokers(brokers)}: commands in batches of {SIZE:,}"
    return Row(name, "commands/s", median(ours), "Ordertrail on the embedded log", median(limit))
