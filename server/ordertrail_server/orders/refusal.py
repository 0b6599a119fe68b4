"""A refusal of a command or query, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ordertrail.v1.error_reason_pb2 import ErrorReason


class Violation(NamedTuple):
    """A violated field: its path, a message, and the id of the violated rule of the contract.

    The rule is empty if the contract has none.
    """

    path: str
    message: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a command or query is refused.

    `message` is one sentence for the caller. `where` is the path of the request field at fault, if there is one.
    `violations` are all violated rules of the contract. `facts` are values for programs (sent as ErrorInfo.metadata).
    """

    reason: ErrorReason.ValueType
    message: str
    order_id: str = ""
    where: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()


class Refused(Exception):
    """Carries a refusal to the edge, which answers with the gRPC status of its reason."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
