"""A server with the role command alone folds only what commands need."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from tests.e2e.direct_call import open_channel_without_retries, place_order
from tests.e2e.filled_directory import projection_file, remove_store
from tests.e2e.rpcs import RPCS, build_request
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order

from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail_server.projections.catalog import ORDERS


@pytest.fixture
def command_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server with the role command, not started yet."""
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_ROLE": "command"})
    yield server
    server.close()


def list_projections(data: Path) -> list[str]:
    return [path.name for path in (data / "projections").glob("*.sqlite")]


async def test_server_with_the_role_command_has_only_the_projection_orders(command_server: RunningServer) -> None:
    command_server.start()
    await wait_until_serving(command_server.address)
    async with open_channel_without_retries(command_server) as channel:
        assert (await place_order(channel, build_order())).order_version == 1
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await RPCS["GetOrder"].call(channel, build_request("GetOrder").SerializeToString())
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert list_projections(command_server.data) == [projection_file(command_server.data, ORDERS).name]
    assert command_server.stop() == 0
    assert command_server.faults == []


@pytest.mark.parametrize("is_deleted", [False, True], ids=["kept", "deleted"])
async def test_server_with_the_role_command_remembers_orders_and_receipts(
    command_server: RunningServer, is_deleted: bool
) -> None:
    command_server.start()
    request = build_order()
    async with open_channel_without_retries(command_server) as channel:
        receipt = await place_order(channel, request)
    assert command_server.stop() == 0
    if is_deleted:
        remove_store(command_server.data / "projections")
    command_server.start()
    async with open_channel_without_retries(command_server) as channel:
        replayed = await place_order(channel, request)
        assert (replayed.replayed, replayed.digest) == (True, receipt.digest)
        confirm = ConfirmOrderRequest(order_id=receipt.order_id).SerializeToString()
        [answer] = await RPCS["ConfirmOrder"].call(channel, confirm)
        assert answer.receipt.order_version == 2


async def test_server_with_all_roles_adds_the_projection_history(command_server: RunningServer) -> None:
    command_server.start()
    async with open_channel_without_retries(command_server) as channel:
        receipt = await place_order(channel, build_order())
    assert command_server.stop() == 0
    with closing(RunningServer(command_server.data).start()) as server:
        async with open_channel_without_retries(server) as channel:
            request = build_request("ListOrderEvents", receipt.order_id).SerializeToString()
            [answer] = await RPCS["ListOrderEvents"].call(channel, request)
            assert [event.order_version for event in answer.events] == [1]
