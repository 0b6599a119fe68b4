import json
import subprocess
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.embedded import EmbeddedLog
from ordertrail_server.log.port import BARRIER, Entry

NOBODY = CommandLine("127.0.0.1:1")
FUTURE = Record(order_id="o-1", order_version=1).SerializeToString() + b"\xc2\x3e\x00"  # field 1000, which no event has


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    log = EmbeddedLog.create(tmp_path)
    stranger = Record(order_id="o-2", order_version=1).SerializeToString()
    await log.append(0, [Entry("o-1", b"\xff\xff"), Entry("o-1", stranger), Entry("o-1", FUTURE), BARRIER])
    await log.close()
    return tmp_path


def tail(data: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    return NOBODY.run("tail", "--data", str(data), *args)


def test_what_cannot_be_read_is_shown_as_such_at_its_offset(data: Path) -> None:
    ended = tail(data)
    assert ended.returncode == 0
    assert [line.split(maxsplit=2)[::2] for line in ended.stdout.splitlines()] == [
        ["0:0", "is no readable record (2 bytes)"],
        ["0:1", "is a record of another order than its key (7 bytes)"],
        ["0:2", "1  the record holds an event of number 1000, which this release does not know"],
        ["0:3", "is what a server appends to learn where the partition ends (0 bytes)"],
    ]


def test_machines_get_the_bytes_of_what_cannot_be_read(data: Path) -> None:
    shown = [json.loads(line) for line in tail(data, "--json").stdout.splitlines()]
    assert [record["offset"] for record in shown] == [0, 1, 2, 3]
    assert shown[0]["value"] == "//8="
    assert all(record["fault"] for record in shown)
    assert [bool(record["value"]) for record in shown] == [True, True, True, False]
    assert shown[2]["event"]["orderId"] == "o-1"


def test_a_partition_that_is_not_there_is_wrong_usage(data: Path) -> None:
    ended = tail(data, "--partition", "1")
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (2, "Error: The log has the partitions 0 to 0, not 1.")


def test_a_directory_without_a_log_is_refused(tmp_path: Path) -> None:
    ended = tail(tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == f"Error: {tmp_path} holds no log (log.sqlite).\n"
