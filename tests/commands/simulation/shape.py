"""What a run is like before it begins."""

from dataclasses import dataclass
from random import Random
from typing import Literal

Storing = Literal["nothing", "memory", "file"]


class Violation(AssertionError):
    """A promise of the write path was broken."""


class ServerFailed(Exception):
    """A simulated server failed by itself: it shows a defect, but not that any promise was broken."""


def require(holds: bool, what: str) -> None:
    """Raise Violation unless it holds."""
    if not holds:
        raise Violation(what)


@dataclass(frozen=True)
class Shape:
    """The seed decides all that the rest leaves open.

    An atomic log has one server at a time, as the embedded log has: where a batch is linked within itself, and another
    server's record came in between, the rest of the batch would look like damage. Where ends may be `stale`, a server
    is told of any between the newest that it knows of and the real one.
    """

    seed: int
    steps: int
    servers: int
    atomic: bool
    storing: Storing
    strangers: bool
    stale: bool = False

    @classmethod
    def of(cls, seed: int) -> "Shape":
        """Return the shape that a seed alone decides."""
        random = Random(seed)
        atomic = random.random() < 0.3
        storing: Storing = "memory" if random.random() < 0.4 else "nothing"
        servers = 1 if atomic else random.randint(1, 3)
        steps, strangers, stale = random.randint(40, 300), random.random() < 0.2, random.random() < 0.4
        return cls(seed, steps, servers, atomic, storing, strangers, stale and not atomic)
