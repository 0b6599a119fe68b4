"""A limit on the file descriptors of this process."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def exhaust_descriptors() -> Iterator[None]:
    """Leave the process no free descriptor."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = list[int]()
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        with suppress(OSError):
            while True:
                descriptors.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in descriptors:
            os.close(descriptor)
