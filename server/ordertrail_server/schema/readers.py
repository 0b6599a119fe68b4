"""One version of one event, made a function that reads its stored bytes as the public event."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from google.protobuf.descriptor import Descriptor, FieldDescriptor
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
    read = _read_whole if passes else _chain([_step_of(hop, families) for hop in way])
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


class _Step(NamedTuple):
    """A hop made ready to run, once for all versions that it is on the way of."""

    old: type[Any]
    new: type[Any]
    into: ReadInto
    parses: bool
    """Whether to parse the old bytes as the new message is all there is to it, but for the bytes that it gives up."""

    gives_up: bool


_STEPS: Final[WeakKeyDictionary[Families, dict[tuple[Descriptor, Descriptor], _Step]]] = WeakKeyDictionary()


def _step_of(hop: Hop, families: Families) -> _Step:
    known, ends = _STEPS.setdefault(families, {}), (hop.old, hop.new)
    if ends not in known:
        parses = hop.plan is not None and only_parses(hop.plan)
        discards = hop.plan is not None and gives_up(hop.plan)
        known[ends] = _Step(message_class(hop.old), message_class(hop.new), into_of(hop), parses, discards)
    return known[ends]


def _merged(steps: Sequence[_Step]) -> list[_Step]:
    """Return the steps with those in a row that only parse made one parse, of the last one's message.

    But a hop that gives up bytes ends that: a later version may have used their number again.
    """
    merged: list[_Step] = []
    for step in steps:
        before = merged[-1] if merged else None
        if before and before.parses and step.parses and not before.gives_up:
            merged[-1] = _parse(before.old, step.new, step.gives_up)
        else:
            merged.append(step)
    return merged


def _parse(old: type[Any], new: type[Any], discards: bool) -> _Step:
    def into(before: Message, after: Message) -> None:
        after.MergeFromString(before.SerializeToString())
        if discards:
            after.DiscardUnknownFields()

    return _Step(old, new, into, True, discards)


def _chain(way: Sequence[_Step]) -> Callable[[bytes, Any], None]:
    """Return the steps as one function."""
    steps = _merged(way)
    parses, discards = steps[0].parses, steps[0].parses and steps[0].gives_up
    first = steps[0].new if parses else steps[0].old
    rest = [(step.into, step.new) for step in (steps[1:] if parses else steps)]

    def read(stored: bytes, public: Any) -> None:
        message = first() if rest else public
        message.MergeFromString(stored)
        if discards:
            message.DiscardUnknownFields()
        for place, (into, kind) in enumerate(rest, 1):
            new = public if place == len(rest) else kind()
            into(message, new)
            message = new

    return read
