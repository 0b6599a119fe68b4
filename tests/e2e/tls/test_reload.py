"""Certificates that are replaced while a server runs."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import pytest
from tests.certificates import Authority, Pair
from tests.e2e.running_server import RunningServer

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import Unauthenticated, Unavailable
from ordertrail.tls import read_credentials


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> Pair:
    """The files of the server's certificate."""
    return authority.sign("first")


@pytest.fixture
def server(pair: Pair, tmp_path: Path) -> Iterator[RunningServer]:
    environment = {"ORDERTRAIL_TLS_CERT": str(pair.certificate), "ORDERTRAIL_TLS_KEY": str(pair.key)}
    server = RunningServer(tmp_path / "data", environment).start()
    yield server
    server.close()


@pytest.fixture
async def orders(server: RunningServer, authority: Authority) -> AsyncIterator[OrderTrail]:
    async with connect(server.address, credentials=read_credentials(authority.file)) as orders:
        yield orders


def has_logged(server: RunningServer, text: str) -> bool:
    return text in server.stderr


async def wait_until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(is_true):  # noqa: ASYNC110 (a server does it, in its own time)
            await asyncio.sleep(0.1)


def shown_certificate(server: RunningServer) -> bytes:
    """Return the certificate that a new connection gets."""
    host, _, port = server.address.partition(":")
    return ssl.get_server_certificate((host, int(port))).encode().strip()


async def test_open_stream_continues_and_new_connections_get_the_new_certificate(
    server: RunningServer, authority: Authority, pair: Pair, orders: OrderTrail
) -> None:
    await place(orders)
    async with aclosing(orders.stream(follow=True)) as stream:
        await anext(stream)
        new = authority.sign("second")
        certificate = new.certificate.read_bytes().strip()
        pair.replace_by(new)
        await wait_until(lambda: shown_certificate(server) == certificate)
        order_id = await place(orders)
        assert (await anext(stream)).order_id == order_id


async def test_files_that_do_not_fit_together_leave_the_last_good_ones_in_use(
    server: RunningServer, authority: Authority, pair: Pair
) -> None:
    certificate = shown_certificate(server)
    new = authority.sign("second")
    good = new.certificate.read_bytes()
    for content in (b"", b"no certificate", good):
        pair.certificate.write_bytes(content)
        fault = "is not the key" if content == good else "holds no certificate"
        await wait_until(partial(has_logged, server, fault))
        assert shown_certificate(server) == certificate
    new.key.rename(pair.key)
    await wait_until(lambda: shown_certificate(server) == good.strip())


async def place(orders: OrderTrail) -> str:
    return (await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])).order_id


async def test_stream_ends_once_the_authority_of_its_client_is_removed(authority: Authority, tmp_path: Path) -> None:
    pair, second = authority.sign("mutual"), Authority(tmp_path, "second")
    clients = await asyncio.to_thread(join_files, tmp_path / "clients.pem", authority.file, second.file)
    settings = {"TLS_CERT": pair.certificate, "TLS_KEY": pair.key, "TLS_CLIENT_CA": clients}
    environment = {f"ORDERTRAIL_{name}": str(path) for name, path in settings.items()}
    server = RunningServer(tmp_path / "mutual", environment).start()
    first_client, second_client = (
        connect(server.address, credentials=read_credentials(authority.file, *signer.sign(f"of {signer.file.stem}")))
        for signer in (authority, second)
    )
    async with first_client, second_client:
        await place(first_client)
        async with (
            aclosing(first_client.stream(follow=True)) as first_stream,
            aclosing(second_client.stream(follow=True)) as second_stream,
        ):
            await anext(first_stream)
            await anext(second_stream)
            await asyncio.to_thread(join_files, clients, authority.file)
            async with asyncio.timeout(20):
                with pytest.raises((Unauthenticated, Unavailable)):
                    await anext(second_stream)
            order_id = await place(first_client)
            assert (await anext(first_stream)).order_id == order_id
    assert await asyncio.to_thread(server.stop) == 0


def join_files(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target
