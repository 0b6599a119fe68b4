"""Readers: for each stored version, the function from its bytes to the public event."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class, message_of, version_of
from ordertrail_server.schema.compiled_hop import ReadInto, compile_hop
from ordertrail_server.schema.families import Families, Hop
from ordertrail_server.schema.hops.compiler import compile_stored, only_parses
from ordertrail_server.schema.hops.nested_messages import MessageAction
from ordertrail_server.schema.hops.plan_fusion import fuse_plans
from ordertrail_server.schema.hops.unnamed_value import unnamed_check
from ordertrail_server.schema.public_hops import PublicHops


class Reader(NamedTuple):
    """The function that reads a stored version, and the facts about that version."""

    number: int
    """Its number in the record."""

    name: str
    """The full name of the stored message."""

    version: int
    """2 for a message of `ordertrail.events.v2`."""

    public: str
    """The name of the public event's field in HistoryEvent."""

    passes_through: bool
    """Whether the bytes of a record of this version are already those of the public event."""

    hops: tuple[Hop, ...]
    """Every hop, the one to the public event included."""

    check: MessageAction | None
    """Raises UnnamedValue for a number in the public event that is not a value of its enum; None if it has no enum.

    `read` calls it also for records that pass through unconverted.
    """

    read: Callable[[bytes, Any], None]
    """Reads stored bytes into an empty public event. Raises DecodeError, CannotUpcast, and what a function raises."""


class Readers:
    """Builds the readers of all versions of a schema. Hops that several versions share are compiled once."""

    def __init__(self, families: Families, public: PublicHops) -> None:
        self._families, self._public = families, public
        self._fused: dict[tuple[Descriptor, Descriptor], list[Hop]] = {}
        self._into: dict[tuple[Descriptor, Descriptor], ReadInto] = {}

    def of(self, case: FieldDescriptor) -> Reader | None:
        """Return the reader of a version, or None if its hops do not end at a public event."""
        message = message_of(case)
        stored_hops = self._families.hops_from(message)
        last = self._public.hops.get(stored_hops[-1].new.full_name if stored_hops else message.full_name)
        if last is None:
            return None
        hops = (*stored_hops, last.reads)
        passes = case.number == last.public.number and all(_only_parses(hop) for hop in hops)
        read = _read_whole if passes else self._chain(self._fuse(hops))
        check = unnamed_check(message_of(last.public))
        read = read if check is None else _with_check(read, check)
        return Reader(case.number, message.full_name, version_of(message), last.public.name, passes, hops, check, read)

    def _fuse(self, hops: Sequence[Hop]) -> list[Hop]:
        """Return the hops, with as many as possible fused."""
        fused_hops: list[Hop] = []
        for hop in reversed(hops):
            ends = hop.old, hops[-1].new
            if ends not in self._fused:
                self._fused[ends] = _fuse_with_next(hop, fused_hops)
            fused_hops = self._fused[ends]
        return fused_hops

    def _chain(self, hops: Sequence[Hop]) -> Callable[[bytes, Any], None]:
        """Return the hops as one function."""
        later_hops = [(self._into_of(hop), message_class(hop.new)) for hop in hops[1:]]
        first, first_class = _from_stored(hops[0]), message_class(hops[0].new)
        if not later_hops:
            return first

        def read(stored: bytes, public: Any) -> None:
            message = first_class()
            first(stored, message)
            for place, (read_into, message_type) in enumerate(later_hops, 1):
                new = public if place == len(later_hops) else message_type()
                read_into(message, new)
                message = new

        return read

    def _into_of(self, hop: Hop) -> ReadInto:
        ends = hop.old, hop.new
        if ends not in self._into:
            self._into[ends] = compile_hop(hop)
        return self._into[ends]


def _with_check(read: Callable[[bytes, Any], None], check: MessageAction) -> Callable[[bytes, Any], None]:
    def read_checked(stored: bytes, public: Any) -> None:
        read(stored, public)
        check(public)

    return read_checked


def _read_whole(stored: bytes, public: Message) -> None:
    public.MergeFromString(stored)


def _only_parses(hop: Hop) -> bool:
    return hop.plan is not None and only_parses(hop.plan)


def _fuse_with_next(hop: Hop, hops: list[Hop]) -> list[Hop]:
    next_hop = hops[0] if hops else None
    if next_hop is None or hop.plan is None or next_hop.plan is None:
        return [hop, *hops]
    plan = fuse_plans(hop.plan, next_hop.plan)
    return [hop, *hops] if plan is None else [Hop(hop.old, next_hop.new, plan, None), *hops[1:]]


def _from_stored(hop: Hop) -> Callable[[bytes, Any], None]:
    if hop.plan is not None:
        return compile_stored(hop.plan)
    read_into, kind = compile_hop(hop), message_class(hop.old)

    def read(stored: bytes, new: Any) -> None:
        old = kind()
        old.MergeFromString(stored)
        read_into(old, new)

    return read
