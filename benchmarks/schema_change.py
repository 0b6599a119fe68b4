"""Typical changes of a stored event that a new version declares by options alone. They can be repeated in cycles."""

from itertools import cycle, islice
from typing import Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from benchmarks.version_draft import Change, VersionDraft, find_message
from ordertrail.evolve.v1 import rules_pb2
from ordertrail.evolve.v1.rules_pb2 import FieldRules

STRING, MESSAGE = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_MESSAGE
FLOAT, DOUBLE, ENUM = FieldDescriptorProto.TYPE_FLOAT, FieldDescriptorProto.TYPE_DOUBLE, FieldDescriptorProto.TYPE_ENUM


def add_base_fields(draft: VersionDraft) -> None:
    """Add the fields that later changes modify: a priority and two notes for the carrier."""
    enum = draft.file.enum_type.add(name="Priority")
    for number, name in enumerate(["UNSPECIFIED", "NORMAL", "URGENT"]):
        enum.value.add(name=f"PRIORITY_{name}", number=number)
    fields = [draft.add("priority", ENUM, "Priority"), draft.add("note", STRING), draft.add("door", STRING)]
    for field in fields:
        _rules(field).absent = True


def rename(draft: VersionDraft) -> None:
    """Rename the customer's field."""
    field = draft.event.field[0]
    _from(field, field.name)
    field.name = f"customer_id_{draft.version}"


def add_literal(draft: VersionDraft) -> None:
    """Add a weight, with a literal value for older events."""
    _rules(draft.add("weight", FLOAT)).literal = "1.5"


def widen(draft: VersionDraft) -> None:
    """Change the weight from float to double."""
    draft.field("weight").type = DOUBLE


def make_repeated(draft: VersionDraft) -> None:
    """Make the weight repeated."""
    weight = draft.field("weight")
    weight.label = FieldDescriptorProto.LABEL_REPEATED
    weight.ClearField("proto3_optional")


def drop(draft: VersionDraft) -> None:
    """Drop the weight."""
    draft.remove("weight")
    draft.event.options.Extensions[rules_pb2.message].dropped.append("weight")


def map_enum(draft: VersionDraft) -> None:
    """Give the highest priority another name and number."""
    enum = next(enum for enum in draft.file.enum_type if enum.name == "Priority")
    value, old_name = enum.value[-1], enum.value[-1].name
    value.name, value.number = f"PRIORITY_URGENT_{draft.version}", value.number + 1
    rule = _rules(draft.field("priority")).enum_map.add(to=value.name)
    setattr(rule, "from", old_name)


def move(draft: VersionDraft) -> None:
    """Move the notes for the carrier into a message of their own, or back."""
    moved_fields = ("note", "door")
    if draft.has("delivery"):
        draft.remove("delivery")
        for name in moved_fields:
            _from(draft.add(name, STRING), f"delivery.{name}")
        draft.file.message_type.remove(find_message(draft.file, "Delivery"))
    else:
        delivery = draft.file.message_type.add(name="Delivery")
        for number, name in enumerate(moved_fields, 1):
            draft.remove(name)
            delivery.field.add(name=name, number=number, type=STRING, proto3_optional=True)
        _from(draft.add("delivery", MESSAGE, "Delivery"), ".")


CHANGE_KINDS: Final[dict[str, tuple[Change, ...]]] = {
    "renamed": (rename,),
    "literal": (add_literal,),
    "widened": (add_literal, widen),
    "single to repeated": (add_literal, make_repeated),
    "enum_map": (map_enum,),
    "moved into a message": (move,),
    "dropped": (add_literal, drop),
}
"""Each kind of change, after the changes that it requires."""

_CYCLE: Final = (add_literal, rename, widen, map_enum, make_repeated, move, drop)


def cycle_changes(count: int) -> list[Change]:
    """Return `count` changes that cycle through the kinds."""
    return list(islice(cycle(_CYCLE), count))


def _rules(field: FieldDescriptorProto) -> FieldRules:
    rules: FieldRules = field.options.Extensions[rules_pb2.field]
    return rules


def _from(field: FieldDescriptorProto, source: str) -> None:
    getattr(_rules(field), "from").append(source)
