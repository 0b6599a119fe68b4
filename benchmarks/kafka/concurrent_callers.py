"""Concurrent callers: unary commands on Kafka compared with the embedded log, and three servers compared with one."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from statistics import median

from benchmarks.kafka.site import format_brokers, run_site
from benchmarks.load_generator import calls_per_second
from benchmarks.sample_orders import place_order
from benchmarks.server_process import run_ordertrail
from benchmarks.table import Row
from benchmarks.unary_commands import PLACE_ORDER, ROUNDS, SECONDS

SERVERS = 3


def measure(callers: int, brokers: int, min_ratio: float) -> Row:
    """Return the durable commands/s on Kafka and on the embedded log, with all roles, measured alternately."""
    ours, limit = [], []
    with (
        run_site(brokers) as kafka_site,
        kafka_site.server("kafka") as kafka_address,
        run_ordertrail(kafka_site.folder / "data") as embedded_address,
    ):
        for _ in range(ROUNDS):
            limit.append(_commands_per_second(embedded_address, callers))
            ours.append(_commands_per_second(kafka_address, callers))
    name = f"Kafka, {format_brokers(brokers)}: unary commands, {callers} callers"
    return Row(name, "commands/s", median(ours), "Ordertrail on the embedded log", median(limit), min_ratio)


def measure_servers(callers: int) -> Row:
    """Return the commands/s of three servers together and of one, with equally many callers, measured alternately."""
    ours, limit = [], []
    with run_site(partitions=SERVERS) as kafka_site, ExitStack() as stack:
        servers = [stack.enter_context(kafka_site.server(f"server-{number}", "command")) for number in range(SERVERS)]
        with ThreadPoolExecutor(SERVERS) as threads:
            for _ in range(ROUNDS):
                limit.append(_commands_per_second(servers[0], callers))
                ours.append(sum(threads.map(partial(_commands_per_second, callers=callers // SERVERS), servers)))
    name = f"Kafka, {SERVERS} servers together, {callers} callers"
    return Row(name, "commands/s", median(ours), "one server, as many callers", median(limit))


def _commands_per_second(address: str, callers: int) -> float:
    return calls_per_second(address, PLACE_ORDER, place_order(), callers, SECONDS)
