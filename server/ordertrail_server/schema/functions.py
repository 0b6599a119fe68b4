"""The Python functions that messages name where rules do not suffice. Their signatures define the conversion."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, get_type_hints

from google.protobuf.descriptor import Descriptor

from ordertrail_server.orders.error_text import error_text
from ordertrail_server.schema.rules import message_rules

PACKAGE = __name__.rpartition(".")[0]


class Function(NamedTuple):
    """A function from one message to another, by their full names."""

    name: str
    reads: str
    gives: str
    call: Callable[[Any], Any]


def functions_of(message: Descriptor) -> tuple[list[Function], list[str]]:
    """Return the functions that a message names, and the gap of each that cannot be used."""
    functions: list[Function] = []
    gaps: list[str] = []
    for name in message_rules(message).python:
        try:
            functions.append(_load(name))
        except Exception as error:  # importing a module may raise anything
            gaps.append(
                f"{message.full_name} names the Python function {name}, which cannot be used: {error_text(error)}"
            )
    return functions, gaps


def _load(name: str) -> Function:
    module, _, attribute = name.rpartition(".")
    if not module:
        raise ImportError(f'name it with its module below {PACKAGE}, as "v1.{name}"')
    call = getattr(import_module(f"{PACKAGE}.{module}"), attribute)
    hints = list(get_type_hints(call).values())
    if len(hints) != 2:
        raise TypeError("it must take one message and return one, and say so in its signature")
    reads, gives = (_full_name(hint, name) for hint in hints)
    return Function(name, reads, gives, call)


def _full_name(type_: Any, name: str) -> str:
    descriptor = getattr(type_, "DESCRIPTOR", None)
    if not isinstance(descriptor, Descriptor):
        raise TypeError(f"{type_} in the signature of {name} is not a message")
    return descriptor.full_name
