"""Checks names: none is a bare participle, pronoun or adverb, which does not tell what it holds.

The server and the client have no such name. In tests and benchmarks, their share is below MAX_TEST_RATE.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "server" / "ordertrail_server", ROOT / "client" / "ordertrail")
GENERATED = ("_pb2.py", "_pb2_grpc.py")
_BARE_WORDS_TEXT = """
found said told made one each wanted asked shown taken given known kept held stood stands lost
met unmet seen sent left gone come became become most some any other others rest wrong such same
what who whoever alone beside behind beyond surely patiently plainly silent caseless spent meant
heard strays
"""
BARE_WORDS = frozenset(_BARE_WORDS_TEXT.split())
ALLOWED = {
    # The first word of given-when-then.
    "tests/orders/spec.py: given",
}
TEST_FOLDERS = (ROOT / "tests", ROOT / "benchmarks")
MAX_TEST_RATE = 0.005


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


def test_names_of_server_and_client_are_nouns_verbs_or_predicates() -> None:
    paths = sources(PACKAGES)
    assert len(paths) > 200
    assert offenders(names_in(paths)) == []


def test_almost_all_names_of_tests_and_benchmarks_are_nouns_verbs_or_predicates() -> None:
    names = names_in(sources(TEST_FOLDERS))
    assert len(names) > 1_000
    bare = offenders(names)
    assert len(bare) < MAX_TEST_RATE * len(names), "\n".join(bare)


def test_a_bare_participle_is_an_offender() -> None:
    tree = ast.parse("def told(row):\n    _found = [one for one in row]\n    row.seen = end_offset = 1\n")
    assert sorted(name for name in bindings(tree) if is_bare(name)) == ["_found", "one", "seen", "told"]
