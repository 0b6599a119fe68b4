"""The shortest reference to a type that the compiler resolves correctly."""

from collections.abc import Set


def shortest_reference(name: str, scope: str, names: Set[str]) -> str:
    """Return the shortest text that the compiler resolves to the type `name` within the message `scope`.

    `names` has the full names of all types and packages. If another name hides the type, the text begins with a dot.
    """
    parts = name.split(".")
    shortest_first = (".".join(parts[begin:]) for begin in range(len(parts) - 1, -1, -1))
    return next((text for text in shortest_first if _resolve(text, scope, names) == name), f".{name}")


def _resolve(text: str, scope: str, names: Set[str]) -> str:
    # The rule of protobuf: the innermost scope that has the first part decides, even if it lacks the other parts.
    first = text.partition(".")[0]
    while scope and f"{scope}.{first}" not in names:
        scope = scope.rpartition(".")[0]
    return f"{scope}.{text}" if scope else text
