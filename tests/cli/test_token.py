"""Commands send the token of their user."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess

import grpc
import pytest
from tests.cli.command_line import CommandLine
from tests.client.stub_server import StubServer

from ordertrail.v1.order_history_service_pb2 import ListOrdersResponse
from ordertrail.v1.order_history_service_pb2_grpc import add_OrderHistoryServiceServicer_to_server

REMOTE = "orders.example:50051"


@pytest.fixture
async def address(stub_server: StubServer) -> AsyncIterator[str]:
    server = grpc.aio.server()
    add_OrderHistoryServiceServicer_to_server(stub_server, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stub_server.pages.append(ListOrdersResponse())
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
def stub_server() -> StubServer:
    return StubServer()


async def list_orders(address: str, *options: str, **environment: str) -> "CompletedProcess[bytes]":
    command_line = CommandLine(address)
    return await asyncio.to_thread(command_line.run_as, environment, "orders", *options)


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["--token-file", "FILE"], {}),
        ([], {"ORDERTRAIL_TOKEN_FILE": "FILE"}),
        ([], {"ORDERTRAIL_TOKEN": "a.b.c"}),
        (["--token-file", "FILE"], {"ORDERTRAIL_TOKEN": "other"}),
    ],
)
async def test_command_sends_the_token_of_a_file_or_variable(
    stub_server: StubServer, address: str, tmp_path: Path, options: list[str], environment: dict[str, str]
) -> None:
    file = tmp_path / "token"
    file.write_text("a.b.c\n")
    named = {name: value.replace("FILE", str(file)) for name, value in environment.items()}
    result = await list_orders(address, *(option.replace("FILE", str(file)) for option in options), **named)
    assert (result.returncode, result.stderr) == (0, b"")
    assert [metadata["authorization"] for metadata in stub_server.metadata] == ["Bearer a.b.c"]


async def test_empty_variable_is_no_token(stub_server: StubServer, address: str) -> None:
    assert (await list_orders(address, ORDERTRAIL_TOKEN="")).returncode == 0
    assert "authorization" not in stub_server.metadata[0]


async def test_refused_token_ends_the_command_with_one_sentence(stub_server: StubServer, address: str) -> None:
    stub_server.failures.append((grpc.StatusCode.UNAUTHENTICATED, "The token has expired."))
    result = await list_orders(address, ORDERTRAIL_TOKEN="a.b.c")
    assert result.returncode == 1
    assert result.stderr.startswith(b"Error: The token has expired. [UNAUTHENTICATED]")


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "cannot be read: No such file"), (b"", "cannot be used: a token must"), (b"secret \xff", "cannot be used")],
)
async def test_file_without_a_token_is_refused_without_quoting_it(
    tmp_path: Path, content: bytes | None, text: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    result = await list_orders(REMOTE, "--token-file", str(file))
    assert result.returncode == 2
    assert f"{file} {text}" in result.stderr.decode()
    assert b"secret" not in result.stderr


async def test_variable_that_is_no_token_is_refused_without_quoting_it() -> None:
    result = await list_orders(REMOTE, ORDERTRAIL_TOKEN="secret word")
    assert b"ORDERTRAIL_TOKEN cannot be used: a token must" in result.stderr
    assert b"secret" not in result.stderr


async def test_token_is_not_sent_to_another_machine_without_tls() -> None:
    result = await list_orders(REMOTE, ORDERTRAIL_TOKEN="a.b.c")
    assert f"A token is sent to {REMOTE} only over TLS: add --tls-ca FILE." in result.stderr.decode()
