"""No name of ours is a bare participle, pronoun or adverb: a stranger could not tell what it holds."""

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
# A member of the JSON that `schema new --json` prints.
ALLOWED = {"server/ordertrail_server/authoring/new_version.py: kept"}


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


def offenders(path: Path) -> Iterator[str]:
    for name in bindings(ast.parse(path.read_text())):
        if name.strip("_") in BARE_WORDS:
            yield f"{path.relative_to(ROOT)}: {name}"


def test_names_of_server_and_client_are_nouns_verbs_or_predicates() -> None:
    paths = [path for package in PACKAGES for path in package.rglob("*.py") if not path.name.endswith(GENERATED)]
    assert len(paths) > 200
    assert sorted(name for path in paths for name in offenders(path) if name not in ALLOWED) == []


def test_a_bare_participle_is_an_offender() -> None:
    tree = ast.parse("def told(row):\n    _found = [one for one in row]\n    row.seen = end_offset = 1\n")
    assert sorted(name for name in bindings(tree) if name.strip("_") in BARE_WORDS) == ["_found", "one", "seen", "told"]
