"""`ordertrail import-json` reads files and pipes, and refuses other formats with the expected one."""

import bz2
import gzip
import json
import lzma
import os
import subprocess
import threading
from pathlib import Path

import pytest
from tests.cli.command_line import ORDERTRAIL, CommandLine

EXPECTED = "but must be UTF-8 text with one JSON document per line"


def document(number: int) -> bytes:
    return json.dumps({"id": number, "company": "pipes", "productId": "p_1", "quantity": 1}).encode() + b"\n"


def run_with_input(line: CommandLine, content: bytes, file: str) -> "subprocess.CompletedProcess[bytes]":
    """Import content through a pipe on standard input."""
    command = [*ORDERTRAIL, "import-json", file, "--json"]
    return subprocess.run(command, env=line.environment, input=content, capture_output=True, timeout=60, check=False)


def counts(taken_in: int, already_there: int) -> dict[str, int]:
    return {"takenIn": taken_in, "alreadyThere": already_there, "refused": 0}


@pytest.mark.parametrize(("file", "number"), [("-", 19_001), ("/dev/stdin", 19_002), ("/dev/fd/0", 19_003)])
def test_pipe_and_file_with_equal_content_are_one_import(
    ordertrail: CommandLine, tmp_path: Path, file: str, number: int
) -> None:
    content = document(number) + b"\n" + document(number + 100)
    for expected in (counts(2, 0), counts(0, 2)):
        result = run_with_input(ordertrail, content, file)
        assert (result.returncode, result.stderr, json.loads(result.stdout)) == (0, b"", expected)
    path = tmp_path / "orders.jsonl"
    path.write_bytes(content)
    assert ordertrail.lines("import-json", str(path)) == [counts(0, 2)]
    with path.open("rb") as again:
        command = [*ORDERTRAIL, "import-json", "-", "--json"]
        assert json.loads(subprocess.check_output(command, env=ordertrail.environment, stdin=again)) == counts(0, 2)


def test_fifo_is_imported(ordertrail: CommandLine, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(document(19_010) * 5,))
    writer.start()
    assert ordertrail.lines("import-json", str(fifo)) == [counts(5, 0)]
    writer.join()


def test_empty_pipe_has_no_documents(ordertrail: CommandLine) -> None:
    assert json.loads(run_with_input(ordertrail, b"", "-").stdout) == counts(0, 0)


LINES = document(1) + document(2)
OTHERS = {
    "array": (b"[" + document(1).strip() + b"]", f"is a JSON array, {EXPECTED}: convert it with `jq -c '.[]'`."),
    "array of lines": (b"\n[\n" + LINES + b"]\n", "is a JSON array, "),
    "array with BOM": (b"\xef\xbb\xbf[]", "is a JSON array, "),
    "gzip": (gzip.compress(LINES), f"is compressed (gzip), {EXPECTED}: decompress it first."),
    "bzip2": (bz2.compress(LINES), "is compressed (bzip2), "),
    "xz": (lzma.compress(LINES), "is compressed (xz), "),
    "UTF-16": (LINES.decode().encode("utf-16"), f"is UTF-16, {EXPECTED}: convert it with `iconv -f UTF-16 -t UTF-8`."),
    "UTF-16 without BOM": (LINES.decode().encode("utf-16-le"), "is UTF-16, "),
    "UTF-16, big-endian": (LINES.decode().encode("utf-16-be"), "is UTF-16, "),
    "CSV": (b"id,company\n1,shop\n", f"is CSV, {EXPECTED}."),
    "CSV with semicolons": (b'"id";"company"\r\n1;shop\r\n', "is CSV, "),
    "indented": (json.dumps({"id": 1, "order": {}}, indent=2).encode(), "holds JSON documents of several lines each, "),
}


@pytest.mark.parametrize("format_name", OTHERS)
@pytest.mark.parametrize("piped", [True, False], ids=["pipe", "file"])
def test_other_format_is_refused_with_the_expected_format(tmp_path: Path, format_name: str, piped: bool) -> None:
    content, message = OTHERS[format_name]
    path = tmp_path / "orders"
    path.write_bytes(content)
    command_line = CommandLine("127.0.0.1:1")
    result = run_with_input(command_line, content, "-") if piped else command_line.run_as({}, "import-json", str(path))
    assert (result.returncode, result.stdout) == (2, b"")
    [sentence] = result.stderr.decode().splitlines()
    assert sentence.startswith(f"Error: {'Standard input' if piped else path} {message}")


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n \n", b"no JSON, but a line\n", b"\xff\n", b"null\n"])
def test_documents_after_an_unusual_beginning_are_imported(ordertrail: CommandLine, before: bytes) -> None:
    result = run_with_input(ordertrail, before + document(19_020), "-")
    assert json.loads(result.stdout.splitlines()[-1])["takenIn"] == 1
