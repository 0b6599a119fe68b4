"""A server with TLS, and callers of each kind."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.certificates import Authority, Pair
from tests.cli.command_line import CommandLine
from tests.e2e.running_server import RunningServer

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import Unavailable
from ordertrail.tls import read_credentials

BIN = Path(sys.executable).parent
SUBJECT = "ordertrail.v1.OrderHistoryService/ListOrders"


class Encrypted(NamedTuple):
    """A server, the authority of its certificate, and the certificate of a client that the server accepts."""

    server: RunningServer
    authority: Authority
    client: Pair

    def connect(self, authorities: Path, client: Pair | None = None, timeout: float = 10.0) -> OrderTrail:
        credentials = read_credentials(authorities, *(client or (None, None)))
        return connect(self.server.address, credentials=credentials, timeout=timeout)


def serve(folder: Path, *, is_mutual: bool) -> Iterator[Encrypted]:
    authority = Authority(folder)
    certificate, key = authority.sign("server")
    settings = {"TLS_CERT": str(certificate), "TLS_KEY": str(key)}
    if is_mutual:
        settings["TLS_CLIENT_CA"] = str(authority.file)
    server = RunningServer(folder / "data", {f"ORDERTRAIL_{name}": value for name, value in settings.items()})
    yield Encrypted(server.start(), authority, authority.sign("client"))
    assert server.stop() == 0
    assert server.faults == []


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    yield from serve(tmp_path_factory.mktemp("encrypted"), is_mutual=False)


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    yield from serve(tmp_path_factory.mktemp("mutual"), is_mutual=True)


async def place(orders: OrderTrail) -> None:
    await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=30, check=False)


async def test_python_client_trusts_the_authority_of_the_server(encrypted: Encrypted) -> None:
    async with encrypted.connect(encrypted.authority.file) as orders:
        receipt = await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
        token = receipt.consistency_token
        events = [event async for event in orders.list_events(order_id=receipt.order_id, at_least_as_fresh=[token])]
        assert len(events) == 1


async def test_client_that_trusts_another_authority_is_not_connected(encrypted: Encrypted, tmp_path: Path) -> None:
    async with encrypted.connect(Authority(tmp_path).file, timeout=2) as orders:
        with pytest.raises(Unavailable):
            await place(orders)


async def test_client_without_tls_is_not_connected(encrypted: Encrypted) -> None:
    async with connect(encrypted.server.address, timeout=2) as orders:
        with pytest.raises(Unavailable):
            await place(orders)


def test_command_line_takes_the_authority_by_option_and_variable(encrypted: Encrypted) -> None:
    command_line = CommandLine(encrypted.server.address)
    assert command_line.run("orders", "--tls-ca", str(encrypted.authority.file)).returncode == 0
    environment = {"ORDERTRAIL_TLS_CA": str(encrypted.authority.file)}
    assert command_line.run_as(environment, "orders").returncode == 0
    unencrypted = command_line.run("orders")
    assert unencrypted.returncode == 1
    assert "cannot be reached" in unencrypted.stderr


def test_grpcurl_reaches_the_server(encrypted: Encrypted) -> None:
    result = run(BIN / "grpcurl", "-cacert", encrypted.authority.file, encrypted.server.address, SUBJECT)
    assert result.returncode == 0, result.stderr


def test_buf_curl_reaches_the_server(encrypted: Encrypted) -> None:
    url = f"https://{encrypted.server.address}/{SUBJECT}"
    result = run(BIN / "buf", "curl", "--protocol", "grpc", "--cacert", encrypted.authority.file, "-d", "{}", url)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("version", "is_accepted"), [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)], ids=["1.1", "1.2"]
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_before_1_2_is_refused(encrypted: Encrypted, version: ssl.TLSVersion, is_accepted: bool) -> None:
    context = ssl.create_default_context(cafile=encrypted.authority.file)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # otherwise the client itself refuses old versions
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    host, _, port = encrypted.server.address.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        if is_accepted:
            with context.wrap_socket(connection, server_hostname=host) as encrypted_socket:
                assert encrypted_socket.version() == "TLSv1.2"
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_hostname=host)


async def test_client_shows_its_certificate(mutual: Encrypted) -> None:
    async with mutual.connect(mutual.authority.file, mutual.client) as orders:
        await place(orders)
    options = ("-cert", mutual.client.certificate, "-key", mutual.client.key)
    result = run(BIN / "grpcurl", "-cacert", mutual.authority.file, *options, mutual.server.address, SUBJECT)
    assert result.returncode == 0, result.stderr
    words = ("--tls-ca", mutual.authority.file, "--tls-cert", mutual.client.certificate, "--tls-key", mutual.client.key)
    assert CommandLine(mutual.server.address).run("orders", *map(str, words)).returncode == 0


async def test_client_without_a_certificate_of_the_authorities_is_not_connected(
    mutual: Encrypted, tmp_path: Path
) -> None:
    for client in (None, Authority(tmp_path).sign("stranger")):
        async with mutual.connect(mutual.authority.file, client, timeout=2) as orders:
            with pytest.raises(Unavailable):
                await place(orders)
