"""What of an old message must not be parsed as the new one: bytes that would be misread there, or be left over."""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from ordertrail_server.schema.hops.lossless import same_wire_type
from ordertrail_server.schema.hops.plan import Match, Plan
from ordertrail_server.schema.hops.values import held_in


def apart(plan: Plan) -> list[str]:
    """Return the fields of the old message whose numbers are another thing, or hold other bytes, in the new one."""
    kept = {found.old[0].number for found in plan.matches if found.in_place and not stands_apart(found)}
    shared = set(plan.old.fields_by_number) & set(plan.new.fields_by_number)
    return [plan.old.fields_by_number[number].name for number in sorted(shared - kept)]


def stands_apart(found: Match) -> bool:
    """Return whether the value of a match in place must not be parsed there, or something inside of it."""
    inner = found.value.message
    return not _wire_alike(found.old[-1], found.new[-1]) or (inner is not None and bool(apart(inner)))


def without(names: list[str]) -> Callable[[Any], bytes]:
    """Return what serializes a message without these fields."""

    def serialized(message: Any) -> bytes:
        bare = type(message)()
        bare.CopyFrom(message)
        for name in names:
            bare.ClearField(name)
        return bytes(bare.SerializeToString())

    return serialized


def _wire_alike(old: FieldDescriptor, new: FieldDescriptor) -> bool:
    return same_wire_type(held_in(old).type, held_in(new).type)
