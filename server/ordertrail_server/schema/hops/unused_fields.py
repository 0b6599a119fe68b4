"""Fields of an old message that no rule reads. Each must be reported."""

from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor

from ordertrail_server.schema.hops.plan import Names
from ordertrail_server.schema.rules import HERE, field_rules, paths_for, sources_of


class UnusedField(NamedTuple):
    """A field that no rule reads: its path, and its path from the nested message `old` that should be read as `new`."""

    path: Names
    inside: Names
    old: Descriptor
    new: Descriptor

    @property
    def gap(self) -> str:
        """The gap: which field is lost, and the remedy."""
        field = f"{self.old.full_name}.{'.'.join(self.inside)}"
        return f"{field} is lost in {self.new.full_name}: read it with `from`, or list it in `dropped`"


def named_sources(old: Descriptor, message: Descriptor, enclosing: frozenset[str] = frozenset()) -> Iterator[Names]:
    """Yield every path that the message's fields name as a source, including fields of assembled messages."""
    enclosing |= {message.full_name}
    for field in message.fields:
        for path in paths_for(sources_of(field_rules(field)), old):
            if path != HERE:
                yield tuple(path.split("."))
            elif field.message_type is not None and field.message_type.full_name not in enclosing:
                yield from named_sources(old, field.message_type, enclosing)


def unused_paths(message: Descriptor, used: set[Names], within: Names = ()) -> Iterator[Names]:
    """Yield the paths of unused fields; of a field that is used in part, those of its unused parts."""
    for field in message.fields:
        path = (*within, field.name)
        if path in used:
            continue
        if field.message_type is not None and any(used_path[: len(path)] == path for used_path in used):
            yield from unused_paths(field.message_type, used, path)
        else:
            yield path
