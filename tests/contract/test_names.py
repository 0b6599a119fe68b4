"""Lints names: a bare participle, pronoun or adverb does not tell what it holds.

Server and client have none. Of the names in tests and benchmarks, less than MAX_TEST_RATE are such words.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "server" / "ordertrail_server", ROOT / "client" / "ordertrail")
GENERATED = ("_pb2.py", "_pb2_grpc.py")
BARE_WORDS = frozenset(
    [
        "found",
        "said",
        "told",
        "made",
        "one",
        "each",
        "wanted",
        "asked",
        "shown",
        "taken",
        "given",
        "known",
        "kept",
        "held",
        "stood",
        "stands",
        "lost",
        "met",
        "unmet",
        "seen",
        "sent",
        "left",
        "gone",
        "come",
        "became",
        "become",
        "most",
        "some",
        "any",
        "other",
        "others",
        "rest",
        "wrong",
        "such",
        "same",
        "what",
        "who",
        "whoever",
        "alone",
        "beside",
        "behind",
        "beyond",
        "surely",
        "patiently",
        "plainly",
        "silent",
        "caseless",
        "spent",
        "meant",
        "heard",
        "strays",
    ]
)
ALLOWED = {
    # The first word of given-when-then.
    "tests/orders/spec.py: given",
}
TEST_FOLDERS = (ROOT / "tests", ROOT / "benchmarks")
MAX_TEST_RATE = 0.005
# Folders of tests whose names are not finished. The list only gets shorter.
UNFINISHED = frozenset(
    [
        "chaos",
        "cli",
        "client",
        "contract",
        "docs",
        "e2e",
        "edge",
        "history",
        "kafka",
        "log",
        "projections",
    ]
)


def bindings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def is_bare(name: str) -> bool:
    return name.strip("_") in BARE_WORDS


def sources(folders: tuple[Path, ...]) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*.py") if not path.name.endswith(GENERATED)]


def names_in(paths: list[Path]) -> list[tuple[Path, str]]:
    return [(path, name) for path in paths for name in bindings(ast.parse(path.read_text()))]


def offenders(names: list[tuple[Path, str]]) -> list[str]:
    entries = [f"{path.relative_to(ROOT)}: {name}" for path, name in names if is_bare(name)]
    return sorted(entry for entry in entries if entry not in ALLOWED)


def is_finished(path: Path) -> bool:
    top, folder, *_ = path.relative_to(ROOT).parts
    return top != "tests" or folder not in UNFINISHED


def test_names_of_server_and_client_are_nouns_verbs_or_predicates() -> None:
    paths = sources(PACKAGES)
    assert len(paths) > 200
    assert offenders(names_in(paths)) == []


def test_almost_all_names_of_tests_and_benchmarks_are_nouns_verbs_or_predicates() -> None:
    names = names_in([path for path in sources(TEST_FOLDERS) if is_finished(path)])
    assert len(names) > 1_000
    bare = offenders(names)
    assert len(bare) < MAX_TEST_RATE * len(names), "\n".join(bare)


def test_a_bare_participle_is_an_offender() -> None:
    tree = ast.parse("def told(row):\n    _found = [one for one in row]\n    row.seen = end_offset = 1\n")
    assert sorted(name for name in bindings(tree) if is_bare(name)) == ["_found", "one", "seen", "told"]
