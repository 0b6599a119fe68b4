"""Reading a file that a setting names takes no longer than its content, whatever somebody has put in its place."""

import os
from collections.abc import Callable
from pathlib import Path
from socket import AF_UNIX, socket

import pytest
from tests.access.identity.issuer import build_config

from ordertrail_server.access.identity.key_fetch import fetch_keys
from ordertrail_server.access.identity.key_file import KeyFile
from ordertrail_server.access.policy_file import read_policy_file
from ordertrail_server.edge.tls.certificates import read_pem
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.storage.regular_file import read_regular_file
from ordertrail_server.webhooks.tls import load_tls


def create_socket(path: Path) -> None:
    with socket(AF_UNIX) as server:
        server.bind(str(path))


OTHERS: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "directory": Path.mkdir,
    "socket": create_socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "link to itself": lambda path: path.symlink_to(path.name),
}
READERS: dict[str, Callable[[Path], object]] = {
    "policy": read_policy_file,
    "keys of an issuer": lambda path: KeyFile(build_config(jwks_file=path), path),
    "authorities of an issuer": lambda path: fetch_keys("https://127.0.0.1:1/", path),
    "certificate": read_pem,
    "authorities of webhooks": load_tls,
}


def test_content_and_its_beginning_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular_file(tmp_path / "link") == b"content"
    assert read_regular_file(tmp_path / "file", 3) == b"con"


@pytest.mark.parametrize("create", OTHERS.values(), ids=OTHERS)
def test_what_is_no_regular_file_is_an_error_and_leaves_no_descriptor(
    tmp_path: Path, create: Callable[[Path], None]
) -> None:
    create(tmp_path / "other")
    descriptors = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match=r"regular file|No such device|symbolic links"):
        read_regular_file(tmp_path / "other")
    assert os.listdir("/proc/self/fd") == descriptors


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_no_reader_of_a_configured_file_waits_for_a_pipe(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OperatorError, match=r"pipe cannot be read.*not a regular file"):
        read(tmp_path / "pipe")
