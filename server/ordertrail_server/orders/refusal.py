"""Refusals: every way in which a command or a question is turned down, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ordertrail.v1.error_reason_pb2 import ErrorReason


class Violation(NamedTuple):
    """A field at fault: its path, what is wrong with it, and the id of the rule of the contract that it violates.

    The rule is empty where the contract has none.
    """

    path: str
    message: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was turned down.

    `message` is one clear sentence for the caller. `where` is the path of the request field at fault, if it is one;
    `violations` are all of them, where rules of the contract are violated.
    `facts` are what the caller may want to compute with (they travel as ErrorInfo.metadata).
    """

    reason: ErrorReason.ValueType
    message: str
    order_id: str = ""
    where: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()


class Refused(Exception):
    """Carries a refusal to the edge, which answers it with the status that its reason names."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
