"""Unregistered events: messages of a tree that look like an event but are not a case of `Record`."""

from collections.abc import Iterator

from ordertrail_server.authoring.event_versions import RECORD, cases, family_of
from ordertrail_server.authoring.rules import predecessors_of
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import is_message


def unregistered_events(tree: Tree) -> Iterator[str]:
    """Yield the gap of each message that has an event's name or predecessor but is not a case of `Record`."""
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
            yield f"{declaration.name} is an event without a case in {RECORD}: add the case, or remove the event"
