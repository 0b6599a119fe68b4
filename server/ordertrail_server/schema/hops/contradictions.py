"""Rules of one field that contradict each other or the field's type."""

from google.protobuf.descriptor import FieldDescriptor

from ordertrail_server.schema.hops.values import value_field
from ordertrail_server.schema.rules import field_rules


def contradiction(field: FieldDescriptor) -> str | None:
    """Return the first contradiction with its remedy, or None."""
    rules = field_rules(field)
    if rules.absent and rules.HasField("literal"):
        return f"{field.full_name} has both `literal` and `absent`: keep one"
    if rules.not_public and rules.public:
        return f"{field.full_name} has both `public` and `not_public`: keep one"
    if rules.enum_map and value_field(field).enum_type is None:
        return f"{field.full_name} has `enum_map`, but is not an enum: remove it"
    old_values = [getattr(rule, "from") for rule in rules.enum_map]
    if len(set(old_values)) < len(old_values):
        duplicate = min(name for name in old_values if old_values.count(name) > 1)
        return f"{field.full_name} maps {duplicate} more than once in its enum_map: keep one"
    return None
