"""The memory and threads of a server with all roles, including its projector process."""

from benchmarks.kafka.site import run_site
from benchmarks.load_generator import calls_per_second
from benchmarks.process_status import list_statuses
from benchmarks.sample_orders import place_order
from benchmarks.server_process import run_ordertrail
from benchmarks.table import Row
from benchmarks.unary_commands import PLACE_ORDER

CALLERS, SECONDS = 32, 3


def measure(unit: str, partitions: int) -> Row:
    """Return the memory ("MB") or "threads" of a server after some load, on Kafka and on the embedded log."""
    figure = {"MB": 0, "threads": 1}[unit]
    with run_site(partitions=partitions) as kafka_site:
        kafka_data, embedded_data = kafka_site.folder / "server", kafka_site.folder / "data"
        with kafka_site.server(kafka_data.name) as kafka_address, run_ordertrail(embedded_data) as embedded_address:
            for address in (kafka_address, embedded_address):
                calls_per_second(address, PLACE_ORDER, place_order(), CALLERS, SECONDS)
            ours, limit = (_measure_processes(str(directory))[figure] for directory in (kafka_data, embedded_data))
    name = f"Kafka, {partitions} partitions: {unit} of a server and its projector"
    return Row(name, unit, ours, "Ordertrail on the embedded log", limit)


def _measure_processes(data: str) -> tuple[float, float]:
    """Return the resident memory in MB and the threads of the processes of a server, together."""
    statuses = list_statuses(data)
    return sum(status.megabytes for status in statuses), sum(status.threads for status in statuses)
