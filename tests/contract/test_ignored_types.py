"""Each type error that is ignored has a reason in its line: why the checker is wrong, or why the error is meant."""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "client", "examples", "proto", "server", "tests")
GENERATED = ("_pb2.py", "_pb2_grpc.py")
IGNORED = re.compile(r"# *type: *ignore")
WITH_REASON = re.compile(r"# type: ignore\[[a-z-]+(, [a-z-]+)*\]  # \S")


def read_comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line number and the text of each comment of a file that may ignore types."""
    if not IGNORED.search(path.read_text()):
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def test_ignored_type_has_a_reason() -> None:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if not path.name.endswith(GENERATED)]
    ignored = [
        (f"{path.relative_to(ROOT)}:{number}", comment)
        for path in paths
        for number, comment in read_comments(path)
        if IGNORED.search(comment)
    ]
    assert len(ignored) > 50
    assert [place for place, comment in ignored if not WITH_REASON.search(comment)] == []
