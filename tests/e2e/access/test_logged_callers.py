"""The access log names the verified caller, also of a denied call, and never the token."""

from collections.abc import Iterator
from functools import partial

import grpc
import pytest
from tests.e2e.access.callers import Metadata, metadata_of, write_policy
from tests.e2e.log_lines import create_logging_server, read_accesses, wait_for_lines
from tests.e2e.running_server import RunningServer

from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest

LIST, PLACE = "OrderHistoryService/ListOrders", "OrderCommandService/PlaceOrder"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("logged")
    policy = str(write_policy(folder))
    server = create_logging_server(folder / "data", POLICY=policy, LOG_LEVEL="debug").start()
    yield server
    assert server.stop() == 0
    assert server.faults == []


async def call(server: RunningServer, rpc: str, metadata: Metadata) -> None:
    request = ListOrdersRequest(customer_id="acme").SerializeToString() if rpc == LIST else b""
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel:
        await channel.unary_unary(f"/ordertrail.v1.{rpc}", None, None)(request, metadata=metadata)


@pytest.mark.parametrize(
    ("rpc", "metadata", "code", "actor"),
    [
        (LIST, metadata_of("acme clerk"), "OK", "acme clerk"),
        (LIST, (*metadata_of("auditor"), ("ordertrail-actor", "somebody")), "OK", "auditor"),
        (PLACE, metadata_of("acme reader"), "PERMISSION_DENIED", "acme reader"),
        (LIST, metadata_of("acme clerk", aud="others"), "UNAUTHENTICATED", None),
        (LIST, (("authorization", "Bearer nonsense"), ("ordertrail-actor", "pretender")), "UNAUTHENTICATED", None),
        (LIST, (), "UNAUTHENTICATED", None),
    ],
    ids=["allowed", "for another", "denied", "other audience", "no token at all", "anonymous"],
)
async def test_line_names_the_verified_caller(
    server: RunningServer, rpc: str, metadata: Metadata, code: str, actor: str | None
) -> None:
    count = len(read_accesses(server, rpc))
    if code == "OK":
        await call(server, rpc, metadata)
    else:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(server, rpc, metadata)
    *_, access = await wait_for_lines(partial(read_accesses, server, rpc), count + 1)
    assert (access["code"], access.get("actor")) == (code, actor)
    for name, value in metadata:
        assert name != "authorization" or value.removeprefix("Bearer ") not in server.stderr
