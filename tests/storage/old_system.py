"""A system that has no renameat2(2)."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ordertrail_server.storage import rename


@contextmanager
def without_renameat2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the C library lack renameat2, as that of another system does."""
    with monkeypatch.context() as patch:
        patch.setattr(ctypes, "CDLL", lambda *_, **__: object())
        rename._load.cache_clear()
        yield
    rename._load.cache_clear()
