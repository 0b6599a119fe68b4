"""A policy: the one place that decides what a caller may do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ordertrail_server.access.grant import Grant
from ordertrail_server.access.identity.identity import ANONYMOUS, Identity
from ordertrail_server.access.permission import VERBS, WRITE
from ordertrail_server.access.rights import CallerLimits, Rights, denied
from ordertrail_server.access.rpc_rules import RULES
from ordertrail_server.access.scope import EVERYTHING, NOTHING, Scope


@dataclass(frozen=True, slots=True)
class Policy:
    """Grants, which add up, and the limits of each identity. What no grant allows is denied."""

    grants: Sequence[Grant]
    limits: CallerLimits = field(default_factory=CallerLimits)

    def rights_of(self, identity: Identity) -> Rights:
        """Return the rights of an identity."""
        scopes: dict[str, Scope] = {}
        matches = [grant for grant in self.grants if grant.recipient.matches(identity)]
        for grant in matches:
            for permission, scope in grant.scopes_for(identity).items():
                scopes[permission] = scopes.get(permission, NOTHING).union(scope)
        may_act = identity is not ANONYMOUS and any(grant.may_act_for_others for grant in matches)
        return Rights(scopes, may_act, self.limits)


def scope_of_rpc(rights: Rights, rpc: str) -> Scope:
    """Return the customers for which a caller may call an rpc ("service/rpc"). Raises Refused.

    For an rpc with commands of any verb it is not the scope of any command: each has its own.
    """
    rule, name = RULES.get(rpc), rpc.rpartition("/")[2]
    if rule is None:
        raise denied(f"{name} is not part of any permission, so nobody may call it.")
    scope = rights.scopes.get(rule.permission)
    if rule.permission == WRITE:
        scope = EVERYTHING if rights.scopes.keys() & set(VERBS.values()) else None
    if scope is None:
        raise denied(f"You may not call {name}, which needs the permission {rule.permission}; ask the operator.")
    if rule.needs_all_customers and not scope.is_unbounded:
        raise denied(f"{name} concerns the orders of all customers, and you may not reach all; ask the operator.")
    return scope
