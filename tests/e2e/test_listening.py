"""The addresses on which a server listens, and the reasons why it cannot."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.cli.command_line import CommandLine, serve_directory
from tests.e2e.running_server import RunningServer, read_start_refusal

from ordertrail_server.edge.address import Address
from ordertrail_server.edge.bind_check import require_bindable

INSECURE = {"ORDERTRAIL_INSECURE": "1"}


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory whose path is short enough for a socket."""
    with TemporaryDirectory() as name:
        yield Path(name)


@contextmanager
def program_on(family: int, address: object) -> Iterator[socket.socket]:
    """Run another program that listens on an address."""
    with socket.socket(family, socket.SOCK_STREAM) as program_socket:
        program_socket.bind(address)  # type: ignore[arg-type]  # a pair or a path
        program_socket.listen()
        yield program_socket


@contextmanager
def drop_privileges() -> Iterator[None]:
    """Drop the privileges of root within the context, if the tests run as root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(user)


def reason(directory: Path, address: str) -> str:
    """Return the reason why a server does not start on an address."""
    *_, last_line = read_start_refusal(directory / "data", address, INSECURE).splitlines()
    return last_line.removeprefix(f"Error: cannot listen on {address}: ")


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "localhost:0", "0.0.0.0:0", "[::1]:0", "[::]:0", "[::ffff:127.0.0.1]:0", "unix:SOCKET"]
)
def test_client_connects_to_the_address_that_serve_prints(directory: Path, listen: str) -> None:
    with serve_directory(directory / "data", listen.replace("SOCKET", f"{directory}/socket"), **INSECURE) as address:
        assert address.startswith(listen.removesuffix("0").removesuffix("SOCKET"))
        line = CommandLine(address)
        assert line.lines("produce", "1")
        line.lines("orders", "--limit", "10")  # succeeds; the read model may not have the order yet


def test_port_in_use_is_refused(directory: Path) -> None:
    with program_on(socket.AF_INET, ("127.0.0.1", 0)) as program_socket:
        port = program_socket.getsockname()[1]
        for host in ("127.0.0.1", "0.0.0.0", "localhost", "[::]", "[::ffff:127.0.0.1]"):
            assert reason(directory, f"{host}:{port}") == "another program already listens on it"


def test_address_of_another_host_is_refused(directory: Path) -> None:
    assert reason(directory, "192.0.2.1:0") == "this machine has no such address"
    assert reason(directory, "[2001:db8::1]:0") == "this machine has no such address"


def test_unknown_host_is_refused(directory: Path) -> None:
    assert reason(directory, "no-such-host.invalid:0") in (
        "Name or service not known",
        "Temporary failure in name resolution",
    )


def test_socket_path_that_cannot_be_used_is_refused_with_reason(directory: Path) -> None:
    (directory / "file").touch()
    assert reason(directory, f"unix:{directory}/none/socket") == "its directory does not exist"
    assert reason(directory, f"unix:{directory}/file/socket") == "Not a directory"
    assert reason(directory, f"unix:{directory}/file") == "its path is a file that is not a socket"
    assert (directory / "file").exists()


def test_socket_of_another_program_is_refused_and_kept(directory: Path) -> None:
    path = str(directory / "socket")
    with program_on(socket.AF_UNIX, path) as program_socket:
        assert reason(directory, f"unix:{path}") == "another program already listens on it"
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(path)
            program_socket.accept()[0].close()


def test_socket_of_a_killed_server_is_replaced(directory: Path) -> None:
    server = RunningServer(directory / "data")
    server.address = f"unix:{directory}/socket"
    with closing(server.start()):
        server.kill()
        assert (directory / "socket").exists()
        server.start()
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert not (directory / "socket").exists()


def test_socket_in_read_only_directory_is_refused(directory: Path) -> None:
    directory.chmod(0o500)
    address = Address(path=directory / "socket")
    with drop_privileges(), pytest.raises(OSError, match=f"{address}: this user cannot write to its directory"):
        require_bindable(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.0.0.1:99999",
        "127.0.0.1:-1",
        "unix:",
        "::1:50051",
        "*:50051",
        "127.1:50051",
        "2130706433:50051",
    ],
)
def test_invalid_address_is_a_usage_error(directory: Path, address: str) -> None:
    line = CommandLine(address)
    for result in (line.run("serve", "--data", str(directory / "data"), "--listen", address), line.run("orders")):
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert not (directory / "data").exists()
