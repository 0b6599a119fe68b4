"""The lock grows by new messages and fields, and locks them from then on."""

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from tests.schema.edited_protos import RECORD, Protos, record_after
from tests.schema.lock.edits import LOCK, MESSAGE, NEW_NUMBER, RECORD_NAME, STRING

from ordertrail.evolve.v1 import rules_pb2
from ordertrail_server.schema.lock.lock_file import append_unlocked, lock_gaps, unlocked_names


def add_version_3(protos: Protos) -> None:
    """Add a new event version in a new file, its case in the oneof of Record, and a field of the envelope."""
    file = protos.files.setdefault("ordertrail/events/v3/order_events.proto", type(protos.package("events.v2"))())
    file.name, file.package, file.syntax = "ordertrail/events/v3/order_events.proto", "ordertrail.events.v3", "proto3"
    returned = file.message_type.add(name="OrderReturned")
    getattr(returned.options.Extensions[rules_pb2.message], "from").append("ordertrail.events.v2.OrderReturned")
    returned.field.add(number=1, name="why", type=STRING, label=FieldDescriptorProto.LABEL_OPTIONAL)
    tags = DescriptorProto(name="TagsEntry")
    tags.options.map_entry = True
    for number, name in enumerate(("key", "value"), 1):
        tags.field.add(number=number, name=name, type=STRING, label=FieldDescriptorProto.LABEL_OPTIONAL)
    returned.nested_type.append(tags)
    returned.field.add(
        number=2,
        name="tags",
        type=MESSAGE,
        label=FieldDescriptorProto.LABEL_REPEATED,
        type_name=".ordertrail.events.v3.OrderReturned.TagsEntry",
    )
    record = protos.files.pop(RECORD.file.name)
    protos.files[record.name] = record
    record.dependency.append(file.name)
    protos.add_field(
        "log.v1.Record", 40, "order_returned_v3", MESSAGE, ".ordertrail.events.v3.OrderReturned"
    ).oneof_index = protos.field("log.v1.Record", 20).oneof_index
    protos.add_field("log.v1.Record", 101, "region", STRING)


def test_new_messages_and_fields_are_unlocked_and_no_gap() -> None:
    record = record_after(add_version_3)
    assert lock_gaps(record, LOCK) == []
    assert unlocked_names(record, LOCK) == [
        "ordertrail.events.v3.OrderReturned",
        "ordertrail.log.v1.Record.order_returned_v3",
        "ordertrail.log.v1.Record.region",
    ]


def test_locking_appends_new_entries_once() -> None:
    record = record_after(add_version_3)
    grown = append_unlocked(record, LOCK)
    assert grown.startswith(LOCK)
    assert [line for line in grown.removeprefix(LOCK).splitlines() if not line.startswith("digest")] == [
        "",
        "message ordertrail.events.v3.OrderReturned",
        '  rule from = "ordertrail.events.v2.OrderReturned"',
        "  1 implicit string why",
        "  2 map<string, string> tags",
        "",
        "message ordertrail.log.v1.Record",
        "  40 oneof event ordertrail.events.v3.OrderReturned order_returned_v3",
        "  101 implicit string region",
    ]
    assert (lock_gaps(record, grown), unlocked_names(record, grown)) == ([], [])
    assert append_unlocked(record, grown) == grown


def test_field_added_to_the_record_is_locked_from_then_on() -> None:
    grown = append_unlocked(record_after(add_version_3), LOCK)
    assert f"{RECORD_NAME}number 101 is gone: it was `implicit string region`{NEW_NUMBER}" in lock_gaps(RECORD, grown)


def test_without_a_lock_nothing_is_released() -> None:
    assert lock_gaps(RECORD, "") == []
    assert "ordertrail.events.v2.OrderPlaced" in unlocked_names(RECORD, "")


def test_retiring_a_released_event_or_changing_its_public_rules_is_no_gap() -> None:
    def retire(protos: Protos) -> None:
        protos.message("events.v2.OrderReturned").options.Extensions[rules_pb2.message].retired = True
        protos.field("events.v2.OrderReturned", 1).options.Extensions[rules_pb2.field].not_public = True

    assert lock_gaps(record_after(retire), append_unlocked(RECORD, "")) == []
