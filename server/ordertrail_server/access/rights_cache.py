"""Remembers the rights of identities under one policy."""

from ordertrail_server.access.identity.identity import Identity
from ordertrail_server.access.policy import Policy
from ordertrail_server.access.rights import Rights

MAX_SIZE = 16 << 20
"""The most characters of claims and customers, roughly, that are remembered: identities may have thousands of them."""

IDENTITY_SIZE, CUSTOMER_SIZE = 1_000, 64
"""What an identity counts for at least, and a customer or prefix in its scopes."""


class RightsCache:
    """The rights of the identities that called last. If there are too many, it begins anew."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rights: dict[Identity, Rights] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._rights)

    def get(self, identity: Identity) -> Rights:
        """Return the rights of an identity."""
        rights = self._rights.get(identity)
        if rights is None:
            rights = self._policy.rights_of(identity)
            self._add(identity, rights)
        return rights

    def _add(self, identity: Identity, rights: Rights) -> None:
        size = _size_of(identity, rights)
        if self._size + size > MAX_SIZE:
            self._rights.clear()
            self._size = 0
        self._rights[identity] = rights
        self._size += size


def _size_of(identity: Identity, rights: Rights) -> int:
    scopes = {id(scope): scope for scope in rights.scopes.values()}.values()
    customer_count = sum(len(scope.customer_ids) + len(scope.prefixes) for scope in scopes)
    return IDENTITY_SIZE + len(repr(identity.claims)) + CUSTOMER_SIZE * customer_count
