"""Check that the copies of a new version mean what their originals mean."""

from ordertrail_server.authoring.event_copy import EventCopy, fields_in
from ordertrail_server.authoring.rules import remove_upcast_rules
from ordertrail_server.authoring.tree import Tree


def altered_copies(before: Tree, after: Tree, copying: EventCopy) -> list[str]:
    """Return the full names of copies in the tree `after` that differ from their originals in the tree `before`.

    A reference can find another type in the new package, if a name hides the type that it found before.
    """
    names = [(original.name, copying.rename(original.name)) for original in copying.originals]
    return [copy for original, copy in names if _shape(before, original, copying) != _shape(after, copy, copying)]


def _shape(tree: Tree, name: str, copying: EventCopy) -> bytes:
    """Return a type without the rules that a copy lacks, and with the references that a copy has."""
    proto = tree.types[name].proto
    shape = type(proto).FromString(proto.SerializeToString())
    remove_upcast_rules(tree, shape)
    for field in fields_in(shape):
        field.type_name = copying.rename(field.type_name)
    return shape.SerializeToString(deterministic=True)
