"""The recorded refusal of a submitted command is the answer to every call with its request id."""

from collections.abc import Callable

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_writer import RunningWriter, require_accepted, require_refusal_reason
from tests.commands.sample_requests import (
    ORDER,
    build_change_quantity,
    build_confirm_order,
    build_place_order,
    prepare_attempt,
)

from ordertrail.log.v1.record_pb2 import Cause, Record, Refusal as StoredRefusal
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_STATUS_FORBIDS
from ordertrail_server.commands.attempt import Answer
from ordertrail_server.log.port import Entry
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.wire import bytes_tag, chunk

MESSAGE = "The order was not confirmed yet."


@pytest.fixture(params=[True, False], ids=["atomic", "record by record"])
def log(request: pytest.FixtureRequest) -> FaultyLog:
    return FaultyLog(atomic=request.param)


def build_stored_refusal(reason: str = "STATUS_FORBIDS") -> bytes:
    refusal = StoredRefusal()
    refusal.status.code, refusal.status.message = 9, MESSAGE
    refusal.status.details.add().Pack(ErrorInfo(reason=reason, metadata={"status": "placed"}))
    return refusal.SerializeToString()


def record_refusal(log: FaultyLog, request: ConfirmOrderRequest, refusal: bytes) -> None:
    """Append the refusal of a submitted command, as the newest link of its order after one fact."""
    cause = Cause(request_id=request.request_id, command_digest=prepare_attempt(request).digest)
    record = Record(order_id=ORDER, order_version=1, previous=log.records[0][-1].digest, cause=cause)
    log.land(0, Entry(ORDER, record.SerializeToString() + chunk(bytes_tag(9), refusal)))


async def ask(server: RunningWriter, request: ConfirmOrderRequest, is_batched: bool) -> Answer:
    attempt = prepare_attempt(request)
    attempt.is_batched = is_batched
    server.writer.queue.submit(attempt)
    return await attempt.answer


@pytest.mark.parametrize("is_batched", [False, True])
@pytest.mark.parametrize("is_projected", [False, True])
async def test_retry_of_refused_command_gets_its_recorded_refusal(
    log: FaultyLog, is_batched: bool, is_projected: bool
) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        record_refusal(log, build_confirm_order(), build_stored_refusal())
        await server.handle(build_place_order("other", "order-2"))  # folds the refusal
        if is_projected:
            server.project()
        answer = await ask(server, build_confirm_order(), is_batched)
    expected = Refusal(ERROR_REASON_STATUS_FORBIDS, MESSAGE, ORDER, facts={"status": "placed"})
    assert answer == expected
    assert len(log.records[0]) == 3


async def test_command_after_recorded_refusal_names_it_as_predecessor(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        record_refusal(log, build_confirm_order(), build_stored_refusal())
        [answer] = await server.handle(build_change_quantity("change", 2))
    newest = Record.FromString(log.records[0][-1].value)
    assert require_accepted(answer).fact.version == newest.order_version == 2
    assert newest.previous == log.records[0][1].digest


async def test_request_id_of_refused_command_cannot_be_used_for_another_one(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        record_refusal(log, build_confirm_order("refused"), build_stored_refusal())
        [answer] = await server.handle(build_change_quantity("refused", 2))
    assert require_refusal_reason(answer) == "REQUEST_ID_REUSED"


async def test_command_in_flight_is_not_accepted_after_its_recorded_refusal(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        await server.become_sole_writer()
        record_refusal_of_first_link(log)
        [answer] = await server.handle(build_confirm_order())
    assert isinstance(answer, Refusal)
    assert answer.message == MESSAGE


def record_refusal_of_first_link(log: FaultyLog) -> None:
    """Append a refusal right after the order's only fact, which is not the log's newest record."""
    cause = Cause(request_id="confirm", command_digest=prepare_attempt(build_confirm_order()).digest)
    record = Record(order_id=ORDER, order_version=1, previous=log.records[0][0].digest, cause=cause)
    record.refusal.ParseFromString(build_stored_refusal())
    log.land(0, Entry(ORDER, record.SerializeToString()))


Build = Callable[[], bytes]


@pytest.mark.parametrize(
    "build_refusal",
    [
        pytest.param(lambda: b"\xff\xff", id="damaged"),
        pytest.param(lambda: b"", id="empty"),
        pytest.param(lambda: build_stored_refusal().replace(b"STATUS", b"\xff" * 6), id="with a damaged detail"),
        pytest.param(lambda: build_stored_refusal("REASON_OF_A_LATER_RELEASE"), id="of a later release"),
    ],
)
async def test_command_whose_refusal_cannot_be_read_stays_refused(log: FaultyLog, build_refusal: Build) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        record_refusal(log, build_confirm_order(), build_refusal())
        [answer] = await server.handle(build_confirm_order())
    assert require_refusal_reason(answer) == "INTERNAL"
    assert server.fold.aggregate(ORDER).version == 1
