"""A receipt has its fact in the same form as the history, even if the server reads it from the log again."""

import asyncio
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.commands.running_handler import create_handler, project_once
from tests.commands.running_writer import SECOND
from tests.commands.sample_requests import ORDER, build_change_quantity, build_line, prepare_attempt
from tests.log.memory import MemoryLog

from ordertrail.v1.order_events_pb2 import OrderLineQuantityChanged, OrderPlaced
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.edge.receipts import Receipts
from ordertrail_server.log.port import Entry
from ordertrail_server.log.progress import Progress
from ordertrail_server.log.token import read_token
from ordertrail_server.orders.chain import digest
from ordertrail_server.schema.registry import Event
from ordertrail_server.schema.writing import encode, seal


def record(event: Event, version: int, previous: bytes, seconds: int, request_id: str, command: bytes) -> bytes:
    return seal(
        event_id=f"event-{version}",
        order_id=ORDER,
        order_version=version,
        previous=previous,
        record_time_ns=seconds * SECOND,
        request_id=request_id,
        command_digest=command,
        origin="",
        actor="",
        traceparent="",
        chunk=encode(event),
    )


@pytest.mark.parametrize(("writer_seconds", "receipt_seconds"), [(50, 100), (100, 100), (150, 150)])
@pytest.mark.parametrize("projected", [0, 1, 2])
async def test_replayed_receipt_is_not_older_than_the_previous_fact(
    tmp_path: Path, writer_seconds: int, receipt_seconds: int, projected: int
) -> None:
    log, retry = MemoryLog(), prepare_attempt(build_change_quantity("change", 2))
    first = record(OrderPlaced(lines=[build_line()]), 1, b"", 100, "place", b"c" * 16)
    event = OrderLineQuantityChanged(product_id="apple", quantity=2)
    second = record(event, 2, digest(first), writer_seconds, "change", retry.digest)
    if projected == 0:
        await project_once(log, tmp_path)
    for number, value in enumerate((first, second), 1):
        log.land(0, Entry(ORDER, value))
        if number == projected:
            await project_once(log, tmp_path)
    handler = create_handler(log, tmp_path, Progress())
    running = asyncio.create_task(handler.run())
    await handler.wait_until_ready()
    handler.submit(retry)
    receipt = Receipt.FromString(await Receipts(log, handler).wait_for_receipt(retry))
    await handler.stop()
    await running
    assert (receipt.replayed, receipt.order_version, receipt.digest) == (True, 2, digest(second))
    assert receipt.event.record_time == Timestamp(seconds=receipt_seconds)
    assert receipt.event.order_line_quantity_changed == event
    assert (receipt.position.offset, read_token(receipt.consistency_token, log.identity)) == (1, {0: 2})
