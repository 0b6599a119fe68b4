"""The sample projections as an installed package adds them: by the entry points in installed/."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

INSTALLED = Path(__file__).parent / "installed"


@contextmanager
def install_samples() -> Iterator[None]:
    """Let this process find the sample projections."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(INSTALLED))
        yield
