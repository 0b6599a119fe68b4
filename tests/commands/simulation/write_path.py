"""The write path as the simulation runs it: today's, or one with a defect put into it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from inspect import getsource
from types import ModuleType
from typing import Any, NamedTuple

from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.prepare import prepare
from ordertrail_server.commands.writer import Writer

# In the order in which they import each other.
MODULES = [
    "ordertrail_server.orders.chain",
    "ordertrail_server.commands.fold",
    "ordertrail_server.commands.draft",
    "ordertrail_server.commands.prepare",
    "ordertrail_server.commands.writer",
]


class WritePath(NamedTuple):
    """What a server is made of."""

    prepare: Any = prepare
    fold: type[Fold] = Fold
    writer: type[Writer] = Writer


def source_of(module: str) -> str:
    """Return the source text of a module of the write path."""
    return getsource(import_module(module))


def with_defect(module: str, original: str, replacement: str) -> WritePath:
    """Return a write path in which one text of one module reads otherwise; the modules in use stay as they are."""
    with _modules_set_aside():
        for name in MODULES:
            source = source_of(name)
            _load(name, source.replace(original, replacement) if name == module else source)
        return WritePath(
            sys.modules["ordertrail_server.commands.prepare"].prepare,
            sys.modules["ordertrail_server.commands.fold"].Fold,
            sys.modules["ordertrail_server.commands.writer"].Writer,
        )


@contextmanager
def _modules_set_aside() -> Iterator[None]:
    kept = {name: import_module(name) for name in MODULES}
    try:
        yield
    finally:
        sys.modules.update(kept)


def _load(name: str, source: str) -> None:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, f"<{name} with a defect>", "exec"), module.__dict__)
