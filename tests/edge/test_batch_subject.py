"""Log lines of batches are bounded, whatever a batch has."""

from ordertrail.v1.commands_pb2 import Command, ConfirmOrderRequest, ExecuteCommandsRequest
from ordertrail_server.edge.batch_subject import BatchKind, BatchSubject, find_batch_kind, read_batch
from ordertrail_server.edge.validation import COMMAND_BYTES
from ordertrail_server.logs.queued_record import MAX_VALUE

KIND = BatchKind(ExecuteCommandsRequest.DESCRIPTOR, "commands", Command.DESCRIPTOR)


def build_confirmation(order_id: str) -> bytes:
    return Command(confirm_order=ConfirmOrderRequest(order_id=order_id)).SerializeToString()


def test_long_id_is_cut() -> None:
    subject = BatchSubject(KIND)
    subject.add([build_confirmation("o" * 10_000)])
    assert len(str(subject.fields()["order_id"])) == MAX_VALUE + 1


def test_element_that_cannot_be_a_command_is_only_counted() -> None:
    for element in (b"", b"\xff", build_confirmation("o" * COMMAND_BYTES)):
        subject = BatchSubject(KIND)
        subject.add([element])
        assert subject.fields() == {"commands": 1}


def test_bytes_that_are_no_batch_are_about_nothing() -> None:
    assert read_batch(KIND, b"\xff") == {}


def test_message_is_a_batch_if_its_first_field_has_messages() -> None:
    assert find_batch_kind(ExecuteCommandsRequest.DESCRIPTOR) == KIND
    assert find_batch_kind(ConfirmOrderRequest.DESCRIPTOR) is None
