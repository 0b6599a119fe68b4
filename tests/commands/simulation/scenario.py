"""The scenario of a run: its seed, servers, log and faults."""

from dataclasses import dataclass
from random import Random
from typing import Literal

StorageKind = Literal["nothing", "memory", "file"]


class Violation(AssertionError):
    """A guarantee of the write path was broken."""


class ServerFailed(Exception):
    """A simulated server failed by itself. That is a defect, but no broken guarantee."""


def require(condition: bool, message: str) -> None:
    """Raise Violation with the message unless the condition is true."""
    if not condition:
        raise Violation(message)


@dataclass(frozen=True)
class Scenario:
    """The parameters of a run. The seed decides everything else.

    An atomic log has one server at a time, like the embedded log: records of one batch are linked to each other, so a
    record of another server in between would make the rest of the batch look like damage. If the log `has_stale_ends`,
    a server may get any end between the newest one that it has observed and the real one. `injects_records` adds
    foreign and damaged records that no server appended.
    """

    seed: int
    steps: int
    servers: int
    atomic: bool
    storage: StorageKind
    injects_records: bool
    has_stale_ends: bool = False

    @classmethod
    def from_seed(cls, seed: int) -> "Scenario":
        """Return the scenario that the seed decides."""
        random = Random(seed)
        atomic = random.random() < 0.3
        storage: StorageKind = "memory" if random.random() < 0.7 else "nothing"
        servers = 1 if atomic else random.randint(1, 3)
        steps, injects_records, has_stale_ends = random.randint(40, 300), random.random() < 0.2, random.random() < 0.4
        return cls(seed, steps, servers, atomic, storage, injects_records, has_stale_ends and not atomic)
