"""What a subscription is: its name, filter, start and limits."""

from typing import Any, NamedTuple

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_SUBSCRIPTION_STOPPED
from ordertrail_server.access.scope import EVERYTHING, Scope
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.orders.refusal import Refusal, Refused

MAX_ATTEMPTS = 10
"""How often an event is handed out before its order is parked, unless the subscription says otherwise."""

ACKNOWLEDGE_SECONDS = 60.0
"""How long a consumer may take for an event, unless the subscription says otherwise."""


class Limits(NamedTuple):
    """The limits of a subscription. They can be changed. `acknowledge_s` is in seconds."""

    max_attempts: int = MAX_ATTEMPTS
    acknowledge_s: float = ACKNOWLEDGE_SECONDS


class Definition(NamedTuple):
    """A subscription as it was created.

    `start` is what the creator wrote: "beginning", "now" or a token. `created_at` is in nanoseconds since 1970.
    """

    uid: str
    name: str
    filter: EventFilter
    start: str
    created_at: int
    log_id: bytes

    def to_json(self) -> dict[str, Any]:
        """Return the definition as values of JSON."""
        conditions = self.filter
        return {
            "uid": self.uid,
            "name": self.name,
            "order_id": conditions.order_id,
            "customer_id": conditions.customer_id,
            "product_id": conditions.product_id,
            "event_types": list(conditions.types),
            "start": self.start,
            "created_at": self.created_at,
            "log_id": self.log_id.hex(),
            **_scope_to_json(conditions.scope),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Definition":
        """Return the definition of `to_json`."""
        conditions = EventFilter(
            _scope_from_json(values),
            values["order_id"],
            values["customer_id"],
            values["product_id"],
            tuple(values["event_types"]),
        )
        log_id = bytes.fromhex(values["log_id"])
        return cls(values["uid"], values["name"], conditions, values["start"], values["created_at"], log_id)


def _scope_to_json(scope: Scope) -> dict[str, Any]:
    if scope.is_unbounded:
        return {}  # as in the definitions that were stored before subscriptions had scopes
    return {"scope": {"customers": sorted(scope.customer_ids), "prefixes": sorted(scope.prefixes)}}


def _scope_from_json(values: dict[str, Any]) -> Scope:
    scope = values.get("scope")
    return EVERYTHING if scope is None else Scope(frozenset(scope["customers"]), frozenset(scope["prefixes"]))


def refuse_stopped(definition: Definition, reason: str) -> None:
    """Raise Refused if there is a reason why the subscription has stopped."""
    if reason:
        message = f"Subscription {definition.name} has stopped: {reason}."
        raise Refused(Refusal(ERROR_REASON_SUBSCRIPTION_STOPPED, message))
