"""Run Python functions on samples, because nothing else proves that they return only named enum values.

A function may refuse a sample, for example because a text is not a date. But a message that it returns must be valid.
"""

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.families import Hop
from ordertrail_server.schema.hops.unnamed_value import UnnamedValue
from ordertrail_server.schema.proof.edge_samples import edge_samples
from ordertrail_server.schema.samples import samples


def unnamed_gaps(hops: Iterable[Hop]) -> list[str]:
    """Return the gap of each Python function that sets an enum field to a number without a name."""
    return [gap for hop in hops if hop.function is not None and (gap := _gap(hop))]


def _gap(hop: Hop) -> str:
    read_into, kind = compile_hop(hop), message_class(hop.new)
    for old in _samples(hop.old):
        try:
            read_into(old, kind())
        except UnnamedValue as error:
            return f"{error}: correct it"
        except Exception:
            continue
    return ""


def _samples(message: Descriptor) -> Iterator[Message]:
    for full in samples(message):
        yield full
        yield from (sample.message for sample in edge_samples(full))
