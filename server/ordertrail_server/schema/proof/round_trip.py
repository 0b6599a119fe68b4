"""Round trip of public events: an event that is written and read back must not change, checked with full samples.

Plans prove hops by rules. Nothing proves Python functions, so those are tried on edge samples as well.
"""

from collections.abc import Iterator
from typing import cast

from google.protobuf.message import Message

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.orders.error_text import named_error_text
from ordertrail_server.schema.cases import message_of
from ordertrail_server.schema.proof.difference import first_difference
from ordertrail_server.schema.proof.edge_samples import Sample, edge_samples
from ordertrail_server.schema.public_hops import PublicHop
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.registry import PUBLIC, Event
from ordertrail_server.schema.samples import samples
from ordertrail_server.schema.writing import encode, seal


def round_trip_gaps() -> list[str]:
    """Return the gap of each public event that is not equal after it was written and read back."""
    return [gap for hop in PUBLIC.hops.values() if hop.writes is not None and (gap := _gap(hop))]


def _gap(hop: PublicHop) -> str:
    subject = f"{message_of(hop.public).full_name}, written as {hop.case.full_name},"
    for event, difference in _samples(hop):
        variant = f" {difference}" if difference else ""
        try:
            reading = read(_sealed(cast(Event, event)))
        except Exception as error:  # a Python function may raise anything
            return (
                f"{subject} cannot be written{variant}: {named_error_text(error)}; correct the function that writes it"
            )
        if reading is None or reading.fault:
            fault = reading.fault if reading else "it is not a record"
            return f"{subject} cannot be read back{variant}: {fault}; correct the function that reads or writes it"
        if changed := _describe_change(event, reading.event, hop.public.name):
            inverse = "make the writing function the inverse of the reading one"
            return f"{subject} changes in a round trip: {changed}; {inverse}"
    return ""


def _describe_change(event: Message, after: HistoryEvent, name: str) -> str:
    """Return how an event changed while it was written and read back; empty if it did not."""
    kind = after.WhichOneof("event")
    if kind != name:
        return f"it is {kind}"
    if getattr(after, name) == event:
        return ""
    difference = first_difference(event, getattr(after, name))
    return (
        f"{difference.path} was {difference.first}, and is {difference.second}"
        if difference
        else "it has unknown fields"
    )


def _samples(hop: PublicHop) -> Iterator[Sample]:
    for full in samples(message_of(hop.public)):
        yield Sample(full)
        if hop.writes is not None and hop.writes.function is not None:
            yield from edge_samples(full)


def _sealed(event: Event) -> bytes:
    return seal(
        event_id="event",
        order_id="order",
        order_version=1,
        previous=b"",
        record_time_ns=0,
        request_id="request",
        command_digest=b"digest",
        origin="",
        actor="",
        traceparent="",
        chunk=encode(event),
    )
