"""Explains what a policy decides for an identity."""

from typing import NamedTuple

from ordertrail_server.access.identity.identity import Identity
from ordertrail_server.access.policy import Policy, scope_of_rpc
from ordertrail_server.access.rights import Rights
from ordertrail_server.access.rpc_rules import RULES
from ordertrail_server.access.scope import Scope
from ordertrail_server.orders.refusal import Refused


class Explanation(NamedTuple):
    """The grants that an identity gets, counted from 1 in the file, its rights, and the decision about one call.

    `denial` is the reason why the call is denied; empty if it is allowed, or if none was asked about.
    """

    grants: list[int]
    rights: Rights
    denial: str


def explain(policy: Policy, identity: Identity, rpc: str = "", customer_id: str = "") -> Explanation:
    """Explain the decision about an rpc ("service/rpc", or empty), and a customer, if the id is not empty."""
    numbers = [number for number, grant in enumerate(policy.grants, 1) if grant.recipient.matches(identity)]
    rights = policy.rights_of(identity)
    return Explanation(numbers, rights, _find_denial(rights, rpc, customer_id) if rpc else "")


def find_rpcs(name: str) -> list[str]:
    """Return the rpcs with this name, with or without the service."""
    return [rpc for rpc in RULES if name in (rpc, rpc.rpartition("/")[2])]


def describe_scope(scope: Scope) -> str:
    """Return a scope as text."""
    if scope.is_unbounded:
        return "all customers"
    parts = [*sorted(scope.customer_ids), *(f"{prefix}…" for prefix in sorted(scope.prefixes))]
    return ", ".join(parts) or "no customer"


def _find_denial(rights: Rights, rpc: str, customer_id: str) -> str:
    try:
        scope = scope_of_rpc(rights, rpc)
    except Refused as refused:
        return refused.refusal.message
    if customer_id and not scope.includes(customer_id):
        return f"The orders of customer {customer_id} do not exist for this identity."
    return ""
