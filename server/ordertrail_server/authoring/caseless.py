"""Versions of events that a tree of protos has and no record can hold: they would be neither read nor written."""

from collections.abc import Iterator

from ordertrail_server.authoring.declared import is_message
from ordertrail_server.authoring.event_versions import RECORD, cases, family_of
from ordertrail_server.authoring.rules import read_from
from ordertrail_server.authoring.tree import Tree


def caseless(tree: Tree) -> Iterator[str]:
    """Yield each message that has an event's name or reads from one but is no case of `Record`, and what to do."""
    events = {case.message.name: case.message for case in cases(tree)}
    families = {family_of(event.file.package) for event in events.values()}
    names = {event.proto.name for event in events.values()}
    for one in tree.types.values():
        if one.name in events or not is_message(one.proto) or family_of(one.file.package) not in families:
            continue
        if one.proto.name in names or events.keys() & set(read_from(tree, one)):
            yield f"{one.name} is an event that no record can hold: add its case to {RECORD}, or remove it"
