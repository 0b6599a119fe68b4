"""The client sends a token with each call, and never where others could read it."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import grpc
import pytest
from tests.client.stub_server import Cut, Failure, StubServer, serve_stub
from tests.ports import find_free_port

from ordertrail.client import connect, line
from ordertrail.errors import Unauthenticated, Unavailable
from ordertrail.token import TokenExposed, token_file
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail.v1.submitted_commands_pb2 import SubmittedCommand

EXPIRED: Failure = (grpc.StatusCode.UNAUTHENTICATED, "expired")


def tokens_of(stub_server: StubServer) -> list[str | None]:
    """Return the tokens that the server got, one for each call."""
    return [metadata.get("authorization") for metadata in stub_server.metadata]


async def test_each_kind_of_call_has_the_token(stub_server: StubServer) -> None:
    async with serve_stub(stub_server, token="a.b.c", actor="till-3") as orders:
        await orders.get("o-1")
        await orders.confirm("o-1")
        assert len([result async for result in orders.execute([ConfirmOrderRequest(order_id="o-1")])]) == 1
        await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
    assert tokens_of(stub_server) == ["Bearer a.b.c"] * 4
    assert stub_server.metadata[-1]["ordertrail-actor"] == "till-3"


async def test_call_without_a_token_has_none(stub_server: StubServer) -> None:
    async with serve_stub(stub_server) as orders:
        await orders.get("o-1")
    assert tokens_of(stub_server) == [None]


async def test_function_is_asked_for_each_call(stub_server: StubServer) -> None:
    numbers = count(1)
    async with serve_stub(stub_server, token=lambda: f"token-{next(numbers)}") as orders:
        for _ in range(3):
            await orders.get("o-1")
    assert tokens_of(stub_server) == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]


async def test_asynchronous_function_runs_in_the_event_loop_of_the_client(stub_server: StubServer) -> None:
    loop = asyncio.get_running_loop()

    async def fetch() -> str:
        assert asyncio.get_running_loop() is loop
        await asyncio.sleep(0)
        return "fetched"

    async with serve_stub(stub_server, token=fetch) as orders:
        await orders.get("o-1")
    assert tokens_of(stub_server) == ["Bearer fetched"]


async def test_file_is_read_for_each_call(stub_server: StubServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with serve_stub(stub_server, token=token_file(file)) as orders:
        for text in ("first\n", "second"):
            file.write_text(text)
            await orders.get("o-1")
    assert tokens_of(stub_server) == ["Bearer first", "Bearer second"]


async def fail() -> str:
    raise OSError("the issuer is away")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (lambda: 1 / 0, "division by zero"),
        (fail, "the issuer is away"),
        (lambda: "two words", "must consist of"),
        (lambda: "", "must consist of"),
        (token_file("/no/such/file"), "No such file"),
        (token_file("/dev/zero"), "must consist of"),
    ],
)
async def test_call_fails_with_the_reason_why_there_is_no_token(
    stub_server: StubServer, source: object, text: str
) -> None:
    async with serve_stub(stub_server, token=source, options=[("grpc.enable_retries", 0)]) as orders:
        with pytest.raises(Unavailable, match=f"no token to send: .*{text}"):
            await orders.get("o-1", timeout=5)
    assert stub_server.requests == []


async def test_function_that_hangs_ends_with_the_deadline_of_the_call(stub_server: StubServer) -> None:
    async with serve_stub(stub_server, token=lambda: asyncio.sleep(60, "late")) as orders:
        with pytest.raises(Unavailable):
            await orders.get("o-1", timeout=0.2)


@pytest.mark.parametrize("token", ["", "two words", "a\nb", "é", "secret-word\0"])
async def test_text_that_is_no_token_is_refused_without_quoting_it(token: str) -> None:
    with pytest.raises(ValueError, match="RFC 6750") as caught:
        connect("127.0.0.1:1", token=token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "target", ["orders.example:50051", "10.0.0.7:1", "dns:///orders.example:1", "localhost.example:1"]
)
async def test_token_is_not_sent_unencrypted_to_another_machine(target: str) -> None:
    with pytest.raises(TokenExposed, match="needs an encrypted connection"):
        connect(target, token="a.b.c")


async def test_token_is_not_sent_to_an_address_that_hides_another_machine() -> None:
    """gRPC connects to each address of a list; its local credentials refuse those of other machines."""
    async with connect(f"ipv4:127.0.0.1:{find_free_port()},192.0.2.1:1", token="a.b.c") as orders:
        with pytest.raises(Unavailable):
            await orders.get("o-1", timeout=0.5)


async def test_token_is_sent_over_a_unix_socket(stub_server: StubServer, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/socket"
    async with serve_stub(stub_server, listen=address, token="a.b.c") as orders:
        await orders.get("o-1")
    assert tokens_of(stub_server) == ["Bearer a.b.c"]


async def test_refused_token_is_an_error_of_its_own(stub_server: StubServer) -> None:
    stub_server.failures.append(EXPIRED)
    async with serve_stub(stub_server, token="a.b.c") as orders:
        with pytest.raises(Unauthenticated, match="expired"):
            await orders.get("o-1")
        assert (await orders.get("o-1")).order_id == "o-1"


class ExpiringStream:
    """Streams one event a call, and then ends with a failure."""

    def __init__(self, failure: Failure, *, is_empty: bool = False) -> None:
        self._failure, self._is_empty = failure, is_empty
        self._versions = count(1)

    async def __call__(self, _: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
        if not self._is_empty:
            yield StreamOrderEventsResponse(events=[HistoryEvent(order_version=next(self._versions))])
        raise Cut(self._failure)


async def test_stream_whose_token_expires_continues_with_a_new_one(stub_server: StubServer) -> None:
    stub_server.frames, numbers = ExpiringStream(EXPIRED), count(1)
    async with serve_stub(stub_server, token=lambda: f"token-{next(numbers)}") as orders:
        stream = orders.stream(follow=True)
        assert [(await anext(stream)).order_version for _ in range(3)] == [1, 2, 3]
        await stream.aclose()
    assert tokens_of(stub_server) == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]


async def test_stream_that_is_refused_from_the_start_is_not_repeated(stub_server: StubServer) -> None:
    stub_server.frames = ExpiringStream(EXPIRED, is_empty=True)
    async with serve_stub(stub_server, token="a.b.c") as orders:
        with pytest.raises(Unauthenticated):
            await anext(orders.stream(follow=True))
    assert len(stub_server.requests) == 1


async def test_watch_whose_token_expires_continues_with_a_new_one(stub_server: StubServer) -> None:
    stored, decided = SubmittedCommand(command_id="c-1"), SubmittedCommand(command_id="c-1", stop_reason="late")
    stub_server.watches.extend([[stored, EXPIRED], [decided, EXPIRED], [EXPIRED]])
    async with serve_stub(stub_server, token="a.b.c") as orders:
        watch = orders.watch_command("c-1")
        assert [await anext(watch), await anext(watch)] == [stored, decided]
        with pytest.raises(Unauthenticated):
            await anext(watch)
