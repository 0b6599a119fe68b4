"""All measurements, by part. Each returns one row of the table."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from benchmarks import (
    audit,
    batched_commands,
    disk,
    eventsourcing_upcast,
    guarded_commands,
    history_stream,
    mixed_load,
    old_version_projection,
    past_lists,
    past_orders,
    prepared_release,
    projector,
    rebuild_latency,
    restart,
    schema_proof,
    server_memory,
    submissions,
    timeline,
    unary_commands,
    unary_latency,
    upcast,
)
from benchmarks.kafka import (
    batches,
    concurrent_callers,
    failover,
    footprint,
    projector as kafka_projector,
    single_caller,
)
from benchmarks.schema_change import CHANGE_KINDS
from benchmarks.table import Row

Measure = partial[Row]

FEW, MANY = 10_000, 300_000
PARTS = ("embedded", "versions", "kafka")
H2LOAD_USERS: tuple[Callable[..., Row], ...] = (
    unary_commands.measure,
    submissions.measure_single,
    concurrent_callers.measure,
    concurrent_callers.measure_servers,
    footprint.measure,
)


def list_measures(parts: Iterable[str], many: int) -> list[Measure]:
    """Return the measurements of the parts; `many` is the number of events of a large log."""
    by_part = {"embedded": _embedded(many), "versions": _versions(), "kafka": _kafka()}
    return [measure for part in parts for measure in by_part[part]]


def describe(measure: Measure) -> str:
    """Return the module of a measurement and its arguments, such as "restart 300000"."""
    module = measure.func.__module__.removeprefix("benchmarks.")
    return " ".join(map(str, (module, *measure.args)))


def _embedded(many: int) -> Iterator[Measure]:
    yield partial(unary_commands.measure)
    yield partial(unary_latency.measure)
    yield partial(guarded_commands.measure)
    yield from (partial(guarded_commands.measure_neighbour, percentile) for percentile in (50, 99))
    yield from (partial(batched_commands.measure, size) for size in (100, 1_000))
    yield partial(submissions.measure_single)
    yield from (partial(submissions.measure_batches, rate_name) for rate_name in ("stored", "decided"))
    yield from (partial(submissions.measure_latency, percentile) for percentile in (50, 99))
    yield partial(mixed_load.measure)
    yield partial(rebuild_latency.measure)
    yield from (partial(history_stream.measure, events) for events in (FEW, many))
    yield from (partial(projector.measure, events) for events in (FEW, many))
    yield from (partial(past_orders.measure_point, kind) for kind in ("version", "time"))
    yield partial(past_orders.measure_newest_first)
    yield partial(past_lists.measure_list, many)
    yield partial(past_lists.measure_diff, many)
    yield partial(timeline.measure, 100_000)
    yield partial(timeline.measure_bytes, 100_000)
    yield partial(audit.measure, many)
    yield partial(disk.measure, FEW)
    yield partial(restart.measure, many)
    yield partial(prepared_release.measure, many)
    yield partial(server_memory.measure, 100_000, many)


def _versions() -> Iterator[Measure]:
    yield partial(old_version_projection.measure, 2_000, "literal")
    yield from (partial(upcast.measure_kind, kind) for kind in CHANGE_KINDS)
    yield from (partial(upcast.measure, hops) for hops in (5, 20))
    yield from (partial(eventsourcing_upcast.measure, hops) for hops in (1, 5, 20))
    yield partial(schema_proof.measure, 50)


def _kafka() -> Iterator[Measure]:
    for brokers in (1, 3):
        for has_client_ids in (False, True):
            yield partial(single_caller.measure, brokers, has_client_ids, "sequential")
    yield from (partial(single_caller.measure, brokers, False, "combined") for brokers in (1, 3))
    yield from (partial(concurrent_callers.measure, count, 1, 0.7) for count in (32, 256))
    yield from (partial(concurrent_callers.measure, count, 3, 0.5) for count in (32, 256))
    yield partial(concurrent_callers.measure_servers, 96)
    yield from (partial(batches.measure, brokers) for brokers in (1, 3))
    yield partial(kafka_projector.measure, 60_000)
    yield partial(failover.measure)
    yield from (partial(footprint.measure, metric, 12) for metric in ("MB", "threads"))
