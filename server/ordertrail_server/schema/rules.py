"""The rules that stored messages declare by options of ordertrail.evolve.v1, as the compiler of hops asks for them."""

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail.evolve.v1 import rules_pb2
from ordertrail.evolve.v1.rules_pb2 import FieldRules, MessageRules

HERE = "."
"""As a field's `from`: the predecessor itself, whose fields move into the nested message."""

# Most fields have none, and are asked for them again and again by the proof at start.
_NO_RULES = FieldRules()


def message_rules(message: Descriptor) -> MessageRules:
    """Return how a message reads from its predecessors; empty if it says nothing of it."""
    rules: MessageRules = message.GetOptions().Extensions[rules_pb2.message]
    return rules


def field_rules(field: FieldDescriptor) -> FieldRules:
    """Return how a field gets its value; empty if it says nothing of it."""
    rules: FieldRules = field.GetOptions().Extensions[rules_pb2.field] if field.has_options else _NO_RULES
    return rules


def paths_for(paths: list[str], predecessor: Descriptor) -> list[str]:
    """Return the paths that mean this predecessor: those qualified by its name, and those not qualified at all."""
    parted = [(name, path) for name, _, path in (path.rpartition(":") for path in paths)]
    return [path for name, path in parted if name in ("", predecessor.name)]


def sources_of(rules: MessageRules | FieldRules) -> list[str]:
    """Return what `from` says."""
    return list(getattr(rules, "from"))


def renamed_values(field: FieldDescriptor) -> dict[str, str]:
    """Return {value of the predecessor's enum: value of today's} as a field's `enum_map` says it."""
    return {getattr(rule, "from"): rule.to for rule in field_rules(field).enum_map}
