"""The cases of `Record` (stored versions of events) and the public events, from the descriptors."""

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent


def cases(record: Descriptor = Record.DESCRIPTOR) -> list[FieldDescriptor]:
    """Return every version of every event, as fields of the record. Fields that hold no message are skipped."""
    return [field for field in record.oneofs_by_name["event"].fields if field.message_type is not None]


def public_events(history_event: Descriptor = HistoryEvent.DESCRIPTOR) -> dict[str, FieldDescriptor]:
    """Return {name of a public event: its field of `HistoryEvent`}."""
    return {message_of(field).name: field for field in history_event.oneofs_by_name["event"].fields}


def version_of(message: Descriptor) -> int:
    """Return the version of a stored message: 2 if its package is `ordertrail.events.v2`, 0 if that names none."""
    version = message.file.package.rpartition(".v")[2]
    return int(version) if version.isdigit() else 0


def message_of(field: FieldDescriptor) -> Descriptor:
    """Return the message that an event's field holds."""
    if field.message_type is None:
        raise TypeError(f"{field.full_name} does not contain a message, so it cannot be an event")
    return field.message_type


def message_class(message: Descriptor) -> type[Message]:
    """Return the class of a message."""
    return GetMessageClass(message)
