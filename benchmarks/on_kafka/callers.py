"""Many callers at once: unary commands on Kafka beside the embedded log, and three servers beside one."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from statistics import median

from benchmarks.commands import PLACE_ORDER, ROUNDS, SECONDS
from benchmarks.load import calls_per_second
from benchmarks.on_kafka.brokers import counted, site
from benchmarks.samples import place_order
from benchmarks.servers import ordertrail
from benchmarks.table import Row

SERVERS = 3


def measure(callers: int, brokers: int, goal: float) -> Row:
    """Return durable commands a second on Kafka and on the embedded log, all roles in both, in turns."""
    ours, limit = [], []
    with site(brokers) as there, there.server("kafka") as kafka, ordertrail(there.folder / "data") as embedded:
        for _ in range(ROUNDS):
            limit.append(_commands_per_second(embedded, callers))
            ours.append(_commands_per_second(kafka, callers))
    name = f"Kafka, {counted(brokers)}: unary commands, {callers} callers"
    return Row(name, "commands/s", median(ours), "ours on the embedded log", median(limit), goal)


def measure_servers(callers: int) -> Row:
    """Return commands a second of three servers together and of one of them, with as many callers in all, in turns."""
    ours, limit = [], []
    with site(partitions=SERVERS) as there, ExitStack() as held:
        servers = [held.enter_context(there.server(f"server-{number}", "command")) for number in range(SERVERS)]
        with ThreadPoolExecutor(SERVERS) as threads:
            for _ in range(ROUNDS):
                limit.append(_commands_per_second(servers[0], callers))
                ours.append(sum(threads.map(partial(_commands_per_second, callers=callers // SERVERS), servers)))
    name = f"Kafka, {SERVERS} servers together, {callers} callers"
    return Row(name, "commands/s", median(ours), "one of them, as many callers", median(limit))


def _commands_per_second(address: str, callers: int) -> float:
    return calls_per_second(address, PLACE_ORDER, place_order(), callers, SECONDS)
