"""Log lines of a call name its rpc, trace, request and order."""

import logging
from collections.abc import AsyncIterator, Iterator
from typing import NoReturn

import grpc
import pytest

from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail_server.edge.admission import RequestAdmission
from ordertrail_server.edge.call_subject import name_subjects
from ordertrail_server.edge.gate import Context, Gate, Permit
from ordertrail_server.edge.rpc_handler import unary_handler
from ordertrail_server.edge.service_descriptors import COMMANDS
from ordertrail_server.logs.call_fields import FIELDS, Fields
from ordertrail_server.logs.queued_record import detach_record

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
METHOD = f"/{COMMANDS.full_name}/ConfirmOrder"


class Recorder(logging.Handler):
    """Keeps the fields of each record."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[Fields] = []

    def emit(self, record: logging.LogRecord) -> None:
        detach_record(record)
        self.fields.append(getattr(record, FIELDS))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    logging.getLogger("ordertrail_server").addHandler(recorder)
    yield recorder
    logging.getLogger("ordertrail_server").removeHandler(recorder)


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """The address of a server whose one rpc has a defect."""

    async def fail(request: ConfirmOrderRequest, context: Context, permit: Permit) -> NoReturn:
        request.Clear()  # as the writer does, which takes fields out of it
        raise ValueError("a defect")

    gate = Gate().rpc(COMMANDS.full_name, "ConfirmOrder")
    handler = name_subjects(
        COMMANDS.methods_by_name["ConfirmOrder"],
        unary_handler(gate, ConfirmOrderRequest, RequestAdmission(1 << 20), fail),
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(COMMANDS.full_name, {"ConfirmOrder": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def call(address: str, request: ConfirmOrderRequest, *metadata: tuple[str, str]) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary(METHOD, ConfirmOrderRequest.SerializeToString, None)(request, metadata=metadata)


async def test_line_about_a_defect_has_the_ids_of_its_call(address: str, recorder: Recorder) -> None:
    for number in range(2):
        request = ConfirmOrderRequest(order_id=f"order-{number}", request_id=f"request-{number}")
        await call(address, request, ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"))
    assert recorder.fields == [
        {
            "rpc": "OrderCommandService/ConfirmOrder",
            "trace_id": TRACE,
            "request_id": f"request-{number}",
            "order_id": f"order-{number}",
        }
        for number in range(2)
    ]


async def test_line_of_a_call_without_ids_has_its_rpc(address: str, recorder: Recorder) -> None:
    await call(address, ConfirmOrderRequest(order_id="order-1"), ("traceparent", "nothing"))
    assert recorder.fields == [{"rpc": "OrderCommandService/ConfirmOrder", "order_id": "order-1"}]


def test_line_outside_of_a_call_has_no_fields(recorder: Recorder) -> None:
    logging.getLogger("ordertrail_server").error("a line of no call")
    assert recorder.fields == [{}]
