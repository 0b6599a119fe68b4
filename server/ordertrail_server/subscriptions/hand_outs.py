"""Hand-outs, and what became of the answers to them."""

from enum import Enum
from typing import NamedTuple


class Outcome(Enum):
    """What became of an answer."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    PARKED = "parked"
    STALE = "stale"


class Answered(NamedTuple):
    """The outcome of the answer to a hand-out."""

    position: int
    attempt: int
    outcome: Outcome


class HandOut(NamedTuple):
    """An event that is handed out."""

    position: int
    attempt: int
    frame: bytes
