import json
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from tests.cli.command_line import CommandLine
from tests.projections.log_builder import write_log

from ordertrail.log.v1.record_pb2 import Record, Refusal
from ordertrail_server.log.port import Entry


def refusal(*details: AnyMessage) -> Entry:
    status = Status(code=9, message="The order is\nshipped.", details=details)
    return Entry("order-1", Record(order_id="order-1", refusal=Refusal(status=status)).SerializeToString())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with recorded refusals: one of this release, and one whose details are damaged."""
    info, damaged = AnyMessage(), AnyMessage()
    info.Pack(ErrorInfo(reason="STATUS_FORBIDS", domain="ordertrail"))
    damaged.CopyFrom(info)
    damaged.value = b"\xff"
    directory = tmp_path_factory.mktemp("data")
    write_log(directory, [refusal(info), refusal(damaged)])
    return directory


def test_recorded_refusal_is_printed_with_its_reason(data: Path) -> None:
    first, second = CommandLine("").run("tail", "--data", str(data)).stdout.splitlines()
    assert first.endswith("command refused            STATUS_FORBIDS: The order is\\nshipped.")
    assert second.endswith("command refused            UNKNOWN: The order is\\nshipped.")


def test_json_has_the_reason_of_a_recorded_refusal(data: Path) -> None:
    first, _ = CommandLine("").run("tail", "--data", str(data), "--json").stdout.splitlines()
    assert json.loads(first)["refusal"] == {"reason": "STATUS_FORBIDS", "message": "The order is\nshipped."}
