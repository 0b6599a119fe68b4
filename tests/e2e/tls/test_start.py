"""Settings of TLS with which a server refuses to start, and one with which it warns."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.certificates import Authority, Pair
from tests.cli.command_line import CommandLine
from tests.e2e.running_server import RunningServer

SERVE = ("serve", "--listen", "127.0.0.1:0")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.sign("server")


def refuse(*options: str | Path) -> str:
    """Return why a server does not start with these options."""
    result = CommandLine("").run(*SERVE, *map(str, options))
    assert result.returncode in (1, 2), result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "10.0.0.1:0", "orders.example:0"])
def test_address_that_other_machines_can_reach_needs_tls(listen: str, tmp_path: Path) -> None:
    reason = refuse("--data", tmp_path, "--listen", listen)
    assert (
        "without TLS they could read and change everything: add --tls-cert FILE --tls-key FILE, or --insecure" in reason
    )


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "10.0.0.1:0", "orders.example:0"])
def test_admin_address_that_other_machines_can_reach_is_refused(listen: str, tmp_path: Path, pair: Pair) -> None:
    reason = refuse("--data", tmp_path, "--admin-listen", listen, "--tls-cert", pair.certificate, "--tls-key", pair.key)
    assert "which has no TLS and no policy: listen on loopback, or add --admin-public" in reason


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "10.0.0.1:0", "orders.example:0"])
def test_address_that_other_machines_can_reach_needs_a_policy(listen: str, tmp_path: Path, pair: Pair) -> None:
    reason = refuse("--data", tmp_path, "--listen", listen, "--tls-cert", pair.certificate, "--tls-key", pair.key)
    assert "without a policy they could read and change everything: add --policy FILE, or --insecure" in reason


def test_insecure_server_warns_once(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_INSECURE": "1"})
    server.address = "0.0.0.0:0"
    server.start()
    assert server.stop() == 0
    assert server.stderr.count("connections are not encrypted") == 1


def test_certificate_and_key_need_each_other(pair: Pair) -> None:
    assert "TLS needs a certificate and its key" in refuse("--tls-cert", pair.certificate)
    assert "TLS needs a certificate and its key" in refuse("--tls-key", pair.key)
    assert "--tls-client-ca needs TLS" in refuse("--tls-client-ca", pair.certificate)


FAULTS: dict[str, Callable[[Pair, Path], tuple[Path, Path]]] = {
    "cannot be read: No such file": lambda pair, folder: (folder / "missing.pem", pair.key),
    "holds no certificate": lambda pair, folder: (pair.key, pair.key),
    "holds no private key": lambda pair, folder: (pair.certificate, pair.certificate),
    "is not the key of the certificate": lambda pair, folder: (pair.certificate, Authority(folder).sign("other").key),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_files_that_cannot_be_used_are_named(fault: str, pair: Pair, tmp_path: Path) -> None:
    certificate, key = FAULTS[fault](pair, tmp_path)
    reason = refuse("--data", tmp_path / "data", "--tls-cert", certificate, "--tls-key", key)
    assert fault in reason
    assert str(tmp_path if "missing" in str(certificate) else key.parent) in reason


def test_empty_file_of_client_authorities_admits_nobody(pair: Pair, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    options = ("--data", tmp_path / "data", "--tls-cert", pair.certificate, "--tls-key", pair.key)
    assert f"{empty} holds no certificate" in refuse(*options, "--tls-client-ca", empty)
