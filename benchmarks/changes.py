"""Typical changes of a stored event, each of which a version makes by options alone. They can be made in turns."""

from itertools import cycle, islice
from typing import Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from benchmarks.drafts import Change, Draft, message_in
from ordertrail.evolve.v1 import rules_pb2
from ordertrail.evolve.v1.rules_pb2 import FieldRules

STRING, MESSAGE = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_MESSAGE
FLOAT, DOUBLE, ENUM = FieldDescriptorProto.TYPE_FLOAT, FieldDescriptorProto.TYPE_DOUBLE, FieldDescriptorProto.TYPE_ENUM


def add_what_changes(draft: Draft) -> None:
    """Add what the changes are made to: a priority, and what the carrier is told."""
    enum = draft.file.enum_type.add(name="Priority")
    for number, name in enumerate(["UNSPECIFIED", "NORMAL", "URGENT"]):
        enum.value.add(name=f"PRIORITY_{name}", number=number)
    added = [draft.add("priority", ENUM, "Priority"), draft.add("note", STRING), draft.add("door", STRING)]
    for field in added:
        _rules(field).absent = True


def rename(draft: Draft) -> None:
    """Call the customer otherwise."""
    field = draft.event.field[0]
    _from(field, field.name)
    field.name = f"customer_id_{draft.version}"


def add_literal(draft: Draft) -> None:
    """Add the weight in kilograms, which older events do not tell."""
    _rules(draft.add("weight", FLOAT)).literal = "1.5"


def widen(draft: Draft) -> None:
    """Make the weight a double, which has other bytes."""
    draft.field("weight").type = DOUBLE


def make_a_list(draft: Draft) -> None:
    """Let there be several weights."""
    weight = draft.field("weight")
    weight.label = FieldDescriptorProto.LABEL_REPEATED
    weight.ClearField("proto3_optional")


def drop(draft: Draft) -> None:
    """Give up the weights."""
    draft.remove("weight")
    draft.event.options.Extensions[rules_pb2.message].dropped.append("weight")


def map_enum(draft: Draft) -> None:
    """Give the highest priority another name and number."""
    enum = next(enum for enum in draft.file.enum_type if enum.name == "Priority")
    value, was = enum.value[-1], enum.value[-1].name
    value.name, value.number = f"PRIORITY_URGENT_{draft.version}", value.number + 1
    rule = _rules(draft.field("priority")).enum_map.add(to=value.name)
    setattr(rule, "from", was)


def move(draft: Draft) -> None:
    """Move what the carrier is told into a message of its own, or out of it again."""
    told = ("note", "door")
    if draft.has("delivery"):
        draft.remove("delivery")
        for name in told:
            _from(draft.add(name, STRING), f"delivery.{name}")
        draft.file.message_type.remove(message_in(draft.file, "Delivery"))
    else:
        delivery = draft.file.message_type.add(name="Delivery")
        for number, name in enumerate(told, 1):
            draft.remove(name)
            delivery.field.add(name=name, number=number, type=STRING, proto3_optional=True)
        _from(draft.add("delivery", MESSAGE, "Delivery"), ".")


KINDS: Final[dict[str, tuple[Change, ...]]] = {
    "renamed": (rename,),
    "literal": (add_literal,),
    "widened": (add_literal, widen),
    "single to repeated": (add_literal, make_a_list),
    "enum_map": (map_enum,),
    "moved into a message": (move,),
    "dropped": (add_literal, drop),
}
"""Each kind of change: it is the last of these."""

_IN_TURN: Final = (add_literal, rename, widen, map_enum, make_a_list, move, drop)


def in_turn(count: int) -> list[Change]:
    """Return that many changes, of each kind in turn."""
    return list(islice(cycle(_IN_TURN), count))


def _rules(field: FieldDescriptorProto) -> FieldRules:
    rules: FieldRules = field.options.Extensions[rules_pb2.field]
    return rules


def _from(field: FieldDescriptorProto, source: str) -> None:
    getattr(_rules(field), "from").append(source)
