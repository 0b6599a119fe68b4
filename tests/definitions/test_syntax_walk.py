"""What source does, without how it is written."""

import ast
from hashlib import sha256
from itertools import combinations

import pytest
from tests.definitions.source_pairs import DIFFERENT, SAME

from ordertrail_server.definitions.syntax_walk import encode_syntax

# The digest of all sources together. Python 3.11 to 3.14 must agree on it.
GOLDEN = "c4c0b20b61a736858fdecf5659eafa8f63e6cf14b821c1bdf1af5df6a0c536c0"


def encode(source: str) -> bytes:
    return encode_syntax(ast.parse(source.encode()))


@pytest.mark.parametrize("kind", SAME)
def test_source_that_does_the_same_has_the_same_bytes(kind: str) -> None:
    first, second = SAME[kind]
    assert first != second
    assert encode(first) == encode(second)


@pytest.mark.parametrize("kind", DIFFERENT)
def test_source_that_does_something_else_has_other_bytes(kind: str) -> None:
    first, second = DIFFERENT[kind]
    assert encode(first) != encode(second)


def test_no_two_sources_share_their_bytes() -> None:
    sources = {source for pair in DIFFERENT.values() for source in pair if len(source) < 1_000}
    trees = {ast.dump(ast.parse(source)): source for source in sources}
    encodings = [encode(source) for source in trees.values()]
    assert all(first != second for first, second in combinations(encodings, 2))


def test_digest_is_equal_on_all_versions_of_python() -> None:
    pairs = [*SAME.values(), *DIFFERENT.values()]
    assert sha256(b"".join(encode(source) for pair in pairs for source in pair)).hexdigest() == GOLDEN


def test_tree_deeper_than_the_recursion_limit_is_encoded() -> None:
    shallow: ast.expr = ast.Name("a", ast.Load())
    for _ in range(10_000):
        shallow = ast.UnaryOp(ast.Not(), shallow)
    deeper = ast.UnaryOp(ast.Not(), shallow)
    assert encode_syntax(shallow) != encode_syntax(deeper)
