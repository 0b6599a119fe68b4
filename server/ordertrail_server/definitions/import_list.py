"""The imports in a syntax tree, also those inside functions and conditions."""

import ast


def list_imports(tree: ast.AST) -> set[str]:
    """Return each import as text: `a.b` for `import a.b`, `..a:b` for `from ..a import b`.

    Imports below `if TYPE_CHECKING:` are left out, because they never run.
    """
    imports: set[str] = set()
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            imports |= {f"{module}:{alias.name}" for alias in node.names}
        pending += _children(node)
    return imports


def _children(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.If) and _is_type_checking(node.test):
        return [*node.orelse]
    return list(ast.iter_child_nodes(node))


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"
