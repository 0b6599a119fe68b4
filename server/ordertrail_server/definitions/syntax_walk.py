"""What Python source does, as bytes: its syntax tree without comments, docstrings and formatting.

The bytes are equal on all Python versions that can parse the source. So fields that a version lacks and fields that are
empty look alike, and no value is printed by `repr`.
"""

import ast
from collections.abc import Iterator
from types import EllipsisType
from typing import Any

_IGNORED_FIELDS = {"kind", "type_comment"}  # the u of u"text", and comments


def encode_syntax(tree: ast.AST) -> bytes:
    """Return the tree in preorder. Each value has its type and its length, so different trees give different bytes."""
    parts: list[bytes] = []
    pending: list[Any] = [tree]
    # A loop, because the depth of a tree may exceed the recursion limit.
    while pending:
        head, children = _encode_head(pending.pop())
        parts.append(head)
        pending += reversed(children)
    return b"".join(parts)


def _encode_head(value: Any) -> tuple[bytes, list[Any]]:
    """Return the bytes of a value without its children, and the children."""
    kind = type(value).__name__.encode()
    if isinstance(value, ast.AST):
        fields = list(_fields(value))
        return b"%s %d\n" % (kind, len(fields) // 2), fields
    if isinstance(value, list):
        return b"list %d\n" % len(value), value
    text = _encode_value(value)
    return b"%s %d %s\n" % (kind, len(text), text), []


def _fields(node: ast.AST) -> Iterator[Any]:
    """Yield the name and value of each field that has an effect, sorted by name."""
    for name in sorted(set(node._fields) - _IGNORED_FIELDS):
        value = getattr(node, name, None)
        if isinstance(value, list):
            value = [item for item in value if not _is_idle(item, node)] or None
        if value is not None or (isinstance(node, ast.Constant) and name == "value"):
            yield name
            yield value


def _is_idle(item: Any, node: ast.AST) -> bool:
    """Return whether an item of a node's list has no effect."""
    if isinstance(node, ast.JoinedStr):
        # Python 3.12.0 and 3.12.1 add such a text to the format in f"{price:{width}}".
        return isinstance(item, ast.Constant) and item.value == ""
    # A docstring or `pass`, because removing the first may require the second; and other constants as statements.
    return isinstance(item, ast.Pass) or (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))


def _encode_value(value: Any) -> bytes:
    match value:
        case str():
            return value.encode("utf-8", "surrogatepass")
        case bytes():
            return value
        case int():
            return hex(value).encode()  # decimal digits are limited in number
        case float():
            return value.hex().encode()
        case complex():
            return f"{value.real.hex()} {value.imag.hex()}".encode()
        case None | EllipsisType():
            return b""
    raise TypeError(f"a syntax tree holds a {type(value).__name__}")
