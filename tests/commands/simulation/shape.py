"""What a run is like before it begins."""

from dataclasses import dataclass
from random import Random
from typing import Literal

Storing = Literal["nothing", "memory", "file"]


class Violation(AssertionError):
    """A promise of the write path was broken."""


def require(holds: bool, what: str) -> None:
    """Raise Violation unless it holds."""
    if not holds:
        raise Violation(what)


@dataclass(frozen=True)
class Shape:
    """The seed decides all that the rest leaves open.

    An atomic log has one server at a time, as the embedded log has: where a batch is linked within itself, and another
    server's record came in between, the rest of the batch would look like damage.
    """

    seed: int
    steps: int
    servers: int
    atomic: bool
    storing: Storing
    strangers: bool

    @classmethod
    def of(cls, seed: int) -> "Shape":
        """Return the shape that a seed alone decides."""
        random = Random(seed)
        atomic = random.random() < 0.3
        storing: Storing = "memory" if random.random() < 0.4 else "nothing"
        servers = 1 if atomic else random.randint(1, 3)
        return cls(seed, random.randint(40, 300), servers, atomic, storing, random.random() < 0.2)
