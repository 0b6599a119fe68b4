"""The guards that docs/changing-events.md names, run on a tree."""

import re
import subprocess
import sys
from enum import Enum
from pathlib import Path

from tests.corpus.samples_lock import find_sample_gaps
from tests.e2e.running_server import RunningServer
from tests.evolving.checkout import Checkout
from tests.evolving.mistakes.schema import build_schema
from tests.evolving.mistakes.trees import LOCK

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.tree_gaps import tree_gaps
from ordertrail_server.schema.lock.lock_file import released_gaps

_BUF = str(Path(sys.executable).parent / "buf")
_CHECK = ("ordertrail", "schema", "check")


class Guard(Enum):
    """The check that reports a mistake."""

    LINT = "buf lint"
    BREAKING = "buf breaking"
    CHECK = "schema check"
    LOCK = "schema.lock"
    START = "server start"
    CORPUS = "golden corpus"
    FIELDS = "tests of every field"
    FORMULAS = "golden digests"
    FRESHNESS = "freshness test"
    RELEASE = "image of the last release"
    PACKAGING = "packaging test"


_TESTS = {
    Guard.CORPUS: ["tests/corpus/test_corpus.py"],
    Guard.FIELDS: ["tests/orders/test_every_field_counts.py"],
    Guard.FORMULAS: ["tests/commands/test_frozen_formulas.py"],
    Guard.FRESHNESS: ["tests/contract/test_freshness.py"],
    Guard.RELEASE: ["tests/contract/test_released.py"],
    Guard.PACKAGING: ["tests/contract/test_packaging.py"],
}


class CodeDoesNotRun(AssertionError):
    """The code of a tree cannot run, so its report is not about the intended mistake."""


# Only at the start of a line: a report that quotes generated code contains `except ImportError`.
_CANNOT_RUN = re.compile(
    r"^(E +)?(NameError|UnboundLocalError|ImportError|ModuleNotFoundError|SyntaxError|IndentationError)\b", re.MULTILINE
)


def findings(guard: Guard, root: Path) -> list[str]:
    """Return the report of a guard on a tree. If the tree has code, the guard is run there."""
    if (root / "server").exists():
        return code_findings(guard, Checkout(root))
    if guard is Guard.LINT:
        return _buf(root, "lint")
    if guard is Guard.BREAKING:
        return _buf(root, "breaking", "proto", "--exclude-imports", "--against", "proto/released.binpb")
    return schema_findings(root)[guard]


def code_findings(guard: Guard, checkout: Checkout) -> list[str]:
    """Return the report of a guard on a checkout, line by line. Raises CodeDoesNotRun."""
    if guard is Guard.START:
        return _refusal(checkout.server(checkout.root / "data"))
    if guard is Guard.CORPUS and (samples := find_sample_gaps(checkout.root / "tests" / "corpus")):
        return samples
    tests = _TESTS.get(guard)
    command = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests) if tests else _CHECK
    output = checkout.runs(*command)
    if _CANNOT_RUN.search(output):
        raise CodeDoesNotRun(output)
    lines = output.splitlines()
    sound = lines[0].startswith("ok:") if not tests else " passed in " in lines[-1] and " failed" not in lines[-1]
    return [] if sound else lines


def schema_findings(root: Path) -> dict[Guard, list[str]]:
    """Return what `ordertrail schema check` would report of a tree with generated code: the first kind of gaps only."""
    try:
        schema = build_schema(root)
    except AuthoringError as refusal:
        return {Guard.LOCK: [], Guard.CHECK: [str(refusal)]}
    if released := released_gaps(schema.record, (root / LOCK).read_text(encoding="utf-8")):
        return {Guard.LOCK: released, Guard.CHECK: []}
    return {Guard.LOCK: [], Guard.CHECK: schema.gaps() or tree_gaps(root / "proto", Tree(schema.image))}


def _refusal(server: RunningServer) -> list[str]:
    server.spawn()
    try:
        server.wait_until_listening()
    except AssertionError as refused:
        return str(refused).splitlines()
    finally:
        server.close()
    return []


def _buf(root: Path, *command: str) -> list[str]:
    return subprocess.run([_BUF, *command], cwd=root, capture_output=True, text=True, check=False).stdout.splitlines()
