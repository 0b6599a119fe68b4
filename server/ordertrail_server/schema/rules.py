"""The rules that stored messages declare by options of ordertrail.evolve.v1."""

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail.evolve.v1 import rules_pb2
from ordertrail.evolve.v1.rules_pb2 import FieldRules, MessageRules

HERE = "."
"""As a field's `from`: the predecessor itself, whose fields move into the nested message."""

# Shared, because most fields have no rules and the check at start asks for them often.
_NO_RULES = FieldRules()


def message_rules(message: Descriptor) -> MessageRules:
    """Return the rules of a message; empty if it has none."""
    rules: MessageRules = message.GetOptions().Extensions[rules_pb2.message]
    return rules


def field_rules(field: FieldDescriptor) -> FieldRules:
    """Return the rules of a field; empty if it has none."""
    rules: FieldRules = field.GetOptions().Extensions[rules_pb2.field] if field.has_options else _NO_RULES
    return rules


def paths_for(paths: list[str], predecessor: Descriptor) -> list[str]:
    """Return the paths for this predecessor: those qualified by its name, and the unqualified ones."""
    qualified_paths = [(name, path) for name, _, path in (path.rpartition(":") for path in paths)]
    return [path for name, path in qualified_paths if name in ("", predecessor.name)]


def sources_of(rules: MessageRules | FieldRules) -> list[str]:
    """Return the sources that `from` names."""
    return list(getattr(rules, "from"))


def renamed_values(field: FieldDescriptor) -> dict[str, str]:
    """Return a field's `enum_map` as {value of the predecessor's enum: value of the new enum}."""
    return {getattr(rule, "from"): rule.to for rule in field_rules(field).enum_map}
