"""The rights of one caller, which the policy derives from its identity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from google.protobuf.message import Message

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_PERMISSION_DENIED
from ordertrail_server.access.permission import PERMISSIONS, VERBS
from ordertrail_server.access.scope import EVERYTHING, Scope
from ordertrail_server.orders.refusal import Refusal, Refused


class CallerLimits(NamedTuple):
    """What all calls of one identity together may use on one server. Commands count also in batches."""

    streams: int | float = inf
    commands_per_second: float = inf
    queries: int | float = inf


@dataclass(frozen=True, slots=True)
class Rights:
    """{permission: the customers for which the caller has it}, and the limits of the caller."""

    scopes: Mapping[str, Scope]
    may_act_for_others: bool = False
    limits: CallerLimits = field(default_factory=CallerLimits)

    def covers(self, smaller: "Rights") -> bool:
        """Return whether everything that other rights allow, except their limits, is in these."""
        if self is smaller:
            return True
        if smaller.may_act_for_others and not self.may_act_for_others:
            return False
        return all(
            permission in self.scopes and self.scopes[permission].covers(scope)
            for permission, scope in smaller.scopes.items()
        )

    def scope_of_verb(self, command: Message) -> Scope:
        """Return the customers on whose orders the caller may run a command. Raises Refused if there are none."""
        verb = VERBS[command.DESCRIPTOR.full_name]
        scope = self.scopes.get(verb)
        if scope is None:
            raise denied(f"You may not run {verb}; ask the operator for a grant.")
        return scope


FULL_RIGHTS = Rights(dict.fromkeys(PERMISSIONS, EVERYTHING), may_act_for_others=True)
"""The rights of every caller of a server without a policy."""


def denied(message: str, order_id: str = "") -> Refused:
    """Return the refusal of a call that the policy does not allow."""
    return Refused(Refusal(ERROR_REASON_PERMISSION_DENIED, message, order_id))


def refuse_customer(scope: Scope, customer_id: str) -> None:
    """Raise Refused if a caller names a customer, in an order to be placed, who is not in its scope."""
    if not scope.includes(customer_id):
        raise denied("You may not place orders of this customer; use your own customer_id, or ask for a grant.")
