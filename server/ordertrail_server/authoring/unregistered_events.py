"""Unregistered events: messages of a tree that look like an event but are no case of `Record`."""

from collections.abc import Iterator

from ordertrail_server.authoring.event_versions import RECORD, cases, family_of
from ordertrail_server.authoring.rules import predecessors_of
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import is_message


def unregistered_events(tree: Tree) -> Iterator[str]:
    """Yield each message that has an event's name or reads from an event but is no case of `Record`, and the remedy."""
    events = {case.message.name: case.message for case in cases(tree)}
    families = {family_of(event.file.package) for event in events.values()}
    names = {event.proto.name for event in events.values()}
    for declaration in tree.types.values():
        if (
            declaration.name in events
            or not is_message(declaration.proto)
            or family_of(declaration.file.package) not in families
        ):
            continue
        if declaration.proto.name in names or events.keys() & set(predecessors_of(tree, declaration)):
            yield f"{declaration.name} is an event that no record can hold: add its case to {RECORD}, or remove it"
