import base64
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine
from tests.log.embedded.schema_damage import damage_schema

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import BARRIER, Entry

NOBODY = CommandLine("127.0.0.1:1")
FUTURE = Record(order_id="o-1", order_version=1).SerializeToString() + b"\xc2\x3e\x00"  # field 1000, which no event has


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    log = EmbeddedLog.create(tmp_path)
    await log.append(0, [Entry("o-1", FUTURE), BARRIER])
    await log.close()
    return tmp_path


def tail(data: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    return NOBODY.run("tail", "--data", str(data), *args)


def test_unreadable_record_is_printed_with_the_reason(data: Path) -> None:
    result = tail(data)
    assert result.returncode == 0
    assert [line.split(maxsplit=2)[::2] for line in result.stdout.splitlines()] == [
        ["0:0", "1  the record holds an event of number 1000, which this release does not know"],
        ["0:1", "a server appended it to find the end of the partition (0 bytes)"],
    ]


def test_json_has_the_bytes_of_an_unreadable_record(data: Path) -> None:
    records = [json.loads(line) for line in tail(data, "--json").stdout.splitlines()]
    assert [record["offset"] for record in records] == [0, 1]
    assert all(record["fault"] for record in records)
    assert [base64.b64decode(record["value"]) for record in records] == [FUTURE, b""]
    assert records[0]["event"]["orderId"] == "o-1"


@pytest.mark.parametrize("key", ["o-2", "O-1", ""])
def test_record_under_a_key_other_than_its_order_id_is_damage(data: Path, key: str) -> None:
    with closing(sqlite3.connect(data / "log.sqlite")) as connection:
        connection.execute("DROP TRIGGER records_are_never_changed")
        connection.execute("UPDATE records SET key = ? WHERE position = 0", [key])
        connection.commit()
    for command in ("tail", "rebuild"):
        result = NOBODY.run(command, "--data", str(data))
        assert result.returncode == 1
        assert result.stderr == (
            f"Error: the record at partition 0, offset 0 is stored under the key {key!r}, which is not the id of its "
            "order, or its order belongs to another partition\n"
        )


def test_log_with_a_schema_that_is_not_utf_8_is_damaged(data: Path) -> None:
    log = data / "log.sqlite"
    damage_schema(log, "records", b"CREATE TABLE", b"CREATE TABL\xc5")
    for command in ("tail", "rebuild"):
        result = NOBODY.run(command, "--data", str(data))
        assert result.returncode == 1
        assert result.stderr == f"Error: the log is damaged ({log}): it contains text that is not UTF-8\n"


@pytest.mark.parametrize(
    ("stored", "damaged", "reason"),
    [
        pytest.param(b"\n    value ", b"\n    valud ", "no such column: value", id="a column has another name"),
        pytest.param(b"length(digest)", b"lengt`(digest)", "unrecognized token", id="several lines are no SQL"),
    ],
)
def test_flipped_bit_in_the_schema_is_reported_in_one_line(
    data: Path, stored: bytes, damaged: bytes, reason: str
) -> None:
    log = data / "log.sqlite"
    damage_schema(log, "records", stored, damaged)
    for command in ("tail", "rebuild"):
        result = NOBODY.run(command, "--data", str(data))
        assert result.returncode == 1
        [line] = result.stderr.splitlines()
        assert line.startswith("Error: the log is damaged ")
        assert reason in line


def test_value_that_is_not_utf_8_is_reported_but_not_printed(data: Path) -> None:
    with closing(sqlite3.connect(data / "log.sqlite")) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'records'")
        connection.commit()
    with closing(sqlite3.connect(data / "log.sqlite")) as connection:
        connection.execute("DROP TRIGGER records_are_never_changed")
        connection.execute("UPDATE records SET value = CAST(x'ff0a0a61' AS TEXT) WHERE position = 0")
        connection.commit()
    for command in ("tail", "rebuild"):
        result = NOBODY.run(command, "--data", str(data))
        assert result.returncode == 1
        assert result.stderr == (
            "Error: the log is damaged at or after partition 0, offset 0: it contains text that is not UTF-8\n"
        )


def test_unknown_partition_is_wrong_usage(data: Path) -> None:
    result = tail(data, "--partition", "1")
    assert (result.returncode, result.stderr.splitlines()[-1]) == (
        2,
        "Error: The log has no partition 1. It has the partitions 0 to 0.",
    )


def test_directory_without_a_log_is_refused(tmp_path: Path) -> None:
    result = tail(tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"Error: {tmp_path} holds no log (log.sqlite).\n"
