"""What batches are about, for log lines: how many elements they have, and the verb and the ids of the only one."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.message_factory import GetMessageClass

from ordertrail_server.edge.batch_elements import split_batch
from ordertrail_server.edge.request_ids import parse_small, read_ids
from ordertrail_server.edge.validation import BATCH_BYTES
from ordertrail_server.logs.call_fields import Fields
from ordertrail_server.logs.queued_record import MAX_VALUE, shorten
from ordertrail_server.orders.refusal import Refused

VERB = "verb"


class BatchKind(NamedTuple):
    """A message that is a batch: its elements, which are messages, and the name of the field that holds them."""

    batch: Descriptor
    field_name: str
    element: Descriptor


def find_batch_kind(message: Descriptor) -> BatchKind | None:
    """Return the kind of a batch, None if the message is no batch."""
    first = message.fields[0] if message.fields else None
    if first is None or first.message_type is None or not first.is_repeated:
        return None
    return BatchKind(message, first.name, first.message_type)


class BatchSubject:
    """Counts the elements of the batches of one call. It keeps the ids of the only element, and no element."""

    def __init__(self, kind: BatchKind) -> None:
        self._kind, self._count = kind, 0
        self._only: Fields = {}

    def add(self, elements: Sequence[bytes]) -> None:
        """Add the elements of a batch. The first one of a call is parsed if it is alone."""
        self._count += len(elements)
        if elements:
            self._only = _describe(self._kind.element, elements[0]) if self._count == 1 else {}

    def fields(self) -> Fields:
        """Return the number, by the name of the field that holds the elements, and what the only one is about."""
        return {self._kind.field_name: self._count, **self._only}


_current: ContextVar[BatchSubject | None] = ContextVar("batch_subject", default=None)


def open_batch_subject(kind: BatchKind) -> BatchSubject:
    """Return the subject of the call of this task, which gets the batches that are noted from now on."""
    subject = BatchSubject(kind)
    _current.set(subject)
    return subject


def note_batch(elements: Sequence[bytes]) -> None:
    """Note a batch of the call of this task."""
    subject = _current.get()
    if subject is not None:
        subject.add(elements)


def read_batch(kind: BatchKind, raw: bytes) -> Fields:
    """Return what one serialized batch is about; nothing if it is refused as a whole."""
    if len(raw) > BATCH_BYTES:
        return {}
    subject = BatchSubject(kind)
    try:
        subject.add(split_batch(GetMessageClass(kind.batch), raw))
    except Refused:
        return {}
    return subject.fields()


def _describe(kind: Descriptor, raw: bytes) -> Fields:
    element = parse_small(kind, raw)
    if element is None:
        return {}
    verb = element.WhichOneof(VERB) if VERB in kind.oneofs_by_name else None
    ids = read_ids(element if verb is None else getattr(element, verb))
    described = {name: shorten(value, MAX_VALUE) for name, value in ids.items()}
    return described if verb is None else {VERB: verb, **described}
