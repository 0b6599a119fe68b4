"""A grant of a policy: who may do what, for which customers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ordertrail_server.access.identity.identity import ANONYMOUS, Identity
from ordertrail_server.access.permission import FOR_CUSTOMERS
from ordertrail_server.access.scope import EVERYTHING, NOTHING, Scope

MAX_CUSTOMERS = 1_000
"""The most customers, and prefixes, that a claim may list. Of a longer list none is granted."""

_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,128}")
"""A text that an id of a customer can be, or begin with. Others cannot be stored, and are not granted."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The identities that get a grant: those that meet every condition that is not empty.

    A name may end with *, for any rest. A claim meets its condition if it is equal to the text, or a list that has it.
    """

    includes_anonymous: bool = False
    issuer: str = ""
    names: tuple[str, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()

    def matches(self, identity: Identity) -> bool:
        """Return whether an identity gets the grant."""
        if identity is ANONYMOUS:
            return self.includes_anonymous
        if self.issuer and identity.issuer != self.issuer:
            return False
        if self.names and not any(_matches_name(pattern, identity.name) for pattern in self.names):
            return False
        return all(text in _texts_of(identity.claims, claim) for claim, text in self.claims)


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions for customers: those of `scope`, and those that claims of the identity list."""

    recipient: Recipient
    permissions: frozenset[str]
    scope: Scope = NOTHING
    customers_claim: str = ""
    prefixes_claim: str = ""
    may_act_for_others: bool = False

    def scope_for(self, identity: Identity) -> Scope:
        """Return the customers for which an identity gets the permissions."""
        customers = _list_of(identity.claims, self.customers_claim)
        prefixes = _list_of(identity.claims, self.prefixes_claim)
        return self.scope.union(Scope(customers, prefixes))

    def scopes_for(self, identity: Identity) -> Mapping[str, Scope]:
        """Return {permission: its scope} for an identity that gets the grant."""
        scope = self.scope_for(identity)
        return {name: scope if name in FOR_CUSTOMERS else EVERYTHING for name in self.permissions}


def _matches_name(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _list_of(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    texts = _texts_of(claims, claim) if claim else []
    return frozenset(filter(_ID.fullmatch, texts)) if len(texts) <= MAX_CUSTOMERS else frozenset()


def _texts_of(claims: Mapping[str, Any], claim: str) -> Sequence[str]:
    """Return the texts of a claim: one, or a list. A name with dots is first looked up whole, then as a path."""
    value: Any = claims.get(claim)
    if value is None and "." in claim:
        value = claims
        for step in claim.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []
