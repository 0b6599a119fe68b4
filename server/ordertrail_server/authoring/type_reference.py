"""How a type is called where it is used: by the shortest name that the compiler takes for it."""

from collections.abc import Set


def shortest_reference(name: str, scope: str, names: Set[str]) -> str:
    """Return the shortest text that means the type `name` within `scope`, the full name of a message.

    `names` are the full names of all types and packages. Where another name stands in the way, the text begins with a
    dot.
    """
    parts = name.split(".")
    shortest_first = (".".join(parts[begin:]) for begin in range(len(parts) - 1, -1, -1))
    return next((text for text in shortest_first if _resolve(text, scope, names) == name), f".{name}")


def _resolve(text: str, scope: str, names: Set[str]) -> str:
    # The rule of the language: the innermost scope that knows the first part decides, though the rest be missing there.
    first = text.partition(".")[0]
    while scope and f"{scope}.{first}" not in names:
        scope = scope.rpartition(".")[0]
    return f"{scope}.{text}" if scope else text
