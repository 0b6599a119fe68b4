"""Changes of Python source: each replaces the first place that it fits."""

import ast
from collections.abc import Callable, Iterator

OPERATORS: dict[type, type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.BitOr: ast.BitAnd,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.Gt: ast.GtE,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def change_number(node: ast.AST) -> bool:
    return _change_constant(node, int, lambda value: value + 1)


def change_text(node: ast.AST) -> bool:
    return _change_constant(node, str, lambda value: value + "x")


def change_attribute(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        node.attr += "x"
    return isinstance(node, ast.Attribute)


def change_name(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        node.id += "x"
    return isinstance(node, ast.Name)


def change_operator(node: ast.AST) -> bool:
    for field in ("op", "ops"):
        value = getattr(node, field, None)
        operator = value[0] if isinstance(value, list) else value
        if type(operator) in OPERATORS:
            replacement = OPERATORS[type(operator)]()
            setattr(node, field, [replacement, *value[1:]] if isinstance(value, list) else replacement)
            return True
    return False


def remove_condition(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        node.test = ast.Constant(True)
    return isinstance(node, ast.If)


def remove_return(node: ast.AST) -> bool:
    if isinstance(node, ast.Return) and node.value is not None:
        node.value = None
        return True
    return False


def swap_arguments(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and len(node.args) > 1 and ast.dump(node.args[0]) != ast.dump(node.args[1]):
        node.args = node.args[::-1]
        return True
    return False


def remove_decorator(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        node.decorator_list = []
        return True
    return False


CHANGES = (
    change_number,
    change_text,
    change_attribute,
    change_name,
    change_operator,
    remove_condition,
    remove_return,
    swap_arguments,
    remove_decorator,
)


def changed_sources(source: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each change that fits, and the source with it."""
    yield "add_statement", f"{source}\nRATE = 1\n"
    for change in CHANGES:
        tree = ast.parse(source)
        if any(change(node) for node in _nodes(tree)):
            yield change.__name__, ast.unparse(ast.fix_missing_locations(tree))


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes except those of docstrings and other constants as statements."""
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            yield child
            yield from _nodes(child)


def _change_constant(node: ast.AST, kind: type, change: Callable[..., int | str]) -> bool:
    if isinstance(node, ast.Constant) and type(node.value) is kind:
        node.value = change(node.value)
        return True
    return False
