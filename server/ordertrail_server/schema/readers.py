"""One version of one event, made a function that reads its stored bytes as the public event."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class, message_of, version_of
from ordertrail_server.schema.families import Families, Hop
from ordertrail_server.schema.hops.compiler import compile_into, compile_stored, gives_up, only_parses
from ordertrail_server.schema.hops.fused import fused
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
    read = _read_whole if passes else _chain(_fused(way, families), families)
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


_FUSED: Final[WeakKeyDictionary[Families, dict[tuple[Descriptor, Descriptor], list[Hop]]]] = WeakKeyDictionary()
_INTO: Final[WeakKeyDictionary[Families, dict[tuple[Descriptor, Descriptor], ReadInto]]] = WeakKeyDictionary()


def _fused(way: Sequence[Hop], families: Families) -> list[Hop]:
    """Return the hops with as many as possible made one. What a later version has in common with it is made once."""
    known, fewer = _FUSED.setdefault(families, {}), list[Hop]()
    for hop in reversed(way):
        ends = hop.old, way[-1].new
        fewer = known[ends] if ends in known else known.setdefault(ends, _before(hop, fewer))
    return fewer


def _before(hop: Hop, hops: list[Hop]) -> list[Hop]:
    after = hops[0] if hops else None
    if after is None or hop.plan is None or after.plan is None:
        return [hop, *hops]
    plan = fused(hop.plan, after.plan)
    return [hop, *hops] if plan is None else [Hop(hop.old, after.new, plan, None), *hops[1:]]


def _chain(way: Sequence[Hop], families: Families) -> Callable[[bytes, Any], None]:
    """Return the hops as one function."""
    known = _INTO.setdefault(families, {})
    rest = [(_into_once(hop, known), message_class(hop.new)) for hop in way[1:]]
    first, kind = _from_stored(way[0]), message_class(way[0].new)
    if not rest:
        return first

    def read(stored: bytes, public: Any) -> None:
        message = kind()
        first(stored, message)
        for place, (into, newer) in enumerate(rest, 1):
            new = public if place == len(rest) else newer()
            into(message, new)
            message = new

    return read


def _into_once(hop: Hop, known: dict[tuple[Descriptor, Descriptor], ReadInto]) -> ReadInto:
    ends = hop.old, hop.new
    return known[ends] if ends in known else known.setdefault(ends, into_of(hop))


def _from_stored(hop: Hop) -> Callable[[bytes, Any], None]:
    if hop.plan is not None:
        return compile_stored(hop.plan)
    into, kind = into_of(hop), message_class(hop.old)

    def read(stored: bytes, new: Any) -> None:
        old = kind()
        old.MergeFromString(stored)
        into(old, new)

    return read
