"""Each import of a module counts, wherever it is, unless it is only for type checkers."""

import ast

import pytest

from ordertrail_server.definitions.import_list import list_imports


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import a", {"a"}),
        ("import a.b, c as d", {"a.b", "c"}),
        ("from a.b import c, d as e", {"a.b:c", "a.b:d"}),
        ("from . import a", {".:a"}),
        ("from ..a import b", {"..a:b"}),
        ("from a import *", {"a:*"}),
        ("def f():\n    import a", {"a"}),
        ("class C:\n    async def f(self):\n        with b:\n            from a import b", {"a:b"}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("if c:\n    import a\nelse:\n    import b", {"a", "b"}),
        ("if TYPE_CHECKING:\n    import a", set()),
        ("if typing.TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if TYPE_CHECKING:\n    import a\nelif c:\n    import b", {"b"}),
        ("if not TYPE_CHECKING:\n    import a", {"a"}),
        ("if TYPE_CHECKING or c:\n    import a", {"a"}),
        ("# import a\n'import a'", set()),
    ],
)
def test_imports_are_listed(source: str, imports: set[str]) -> None:
    assert list_imports(ast.parse(source)) == imports
