"""One version of one event, made a function that reads its stored bytes as the public event."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class, message_of, version_of
from ordertrail_server.schema.families import Families, Hop
from ordertrail_server.schema.hops.compiler import compile_into, gives_up, only_parses
from ordertrail_server.schema.public_hops import PublicHops

ReadInto = Callable[[Any, Any], None]


class Reader(NamedTuple):
    """How a stored version reads."""

    number: int
    """Its number in the record."""

    name: str
    """The full name of the stored message."""

    version: int
    """2 for a message of `ordertrail.events.v2`."""

    public: str
    """The name of the public event's field in HistoryEvent."""

    passes_through: bool
    """Whether a record with it is, byte for byte, a public event already."""

    way: tuple[Hop, ...]
    """Every hop, the one to the public event included."""

    read: Callable[[bytes, Any], None]
    """Reads stored bytes into an empty public event. Raises DecodeError, CannotUpcast, and what a function raises."""


def reader_of(case: FieldDescriptor, families: Families, public: PublicHops) -> Reader | None:
    """Return how a version reads, None if it leads to no public event."""
    message = message_of(case)
    hops = families.way(message)
    last = public.hops.get(hops[-1].new.full_name if hops else message.full_name)
    if last is None:
        return None
    way = (*hops, last.reads)
    passes = case.number == last.public.number and all(_passes(hop) for hop in way)
    read = _read_whole if passes else _compile(way)
    return Reader(case.number, message.full_name, version_of(message), last.public.name, passes, way, read)


def into_of(hop: Hop) -> ReadInto:
    """Return what reads the old message of a hop into a new one, which is empty."""
    if hop.function is not None:
        call = hop.function.call
        return lambda old, new: new.CopyFrom(call(old))
    assert hop.plan is not None
    return compile_into(hop.plan)


def _read_whole(stored: bytes, public: Message) -> None:
    public.MergeFromString(stored)


def _passes(hop: Hop) -> bool:
    return hop.plan is not None and only_parses(hop.plan) and not gives_up(hop.plan)


def _compile(way: Sequence[Hop]) -> Callable[[bytes, Any], None]:
    """Return the hops as one function. Those at the beginning that only parse are one parse, of the last one's message.

    But a hop that gives up bytes ends that: a later version may have used their number again.
    """
    parsed = 0
    while parsed < len(way) and (hop := way[parsed]).plan is not None and only_parses(hop.plan):
        parsed += 1
        if gives_up(hop.plan):
            break
    discards = parsed > 0 and not _passes(way[parsed - 1])
    return _chain(way, parsed, discards)


def _chain(way: Sequence[Hop], parsed: int, discards: bool) -> Callable[[bytes, Any], None]:
    steps = [(into_of(hop), message_class(hop.new)) for hop in way[parsed:]]
    first = message_class(way[parsed].old) if steps else None

    def read(stored: bytes, public: Any) -> None:
        message = public if first is None else first()
        message.MergeFromString(stored)
        if discards:
            message.DiscardUnknownFields()
        for place, (into, kind) in enumerate(steps, 1):
            new = public if place == len(steps) else kind()
            into(message, new)
            message = new

    return read
