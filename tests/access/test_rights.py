"""Rights that were narrowed end open streams, and claims grant only what an id of a customer can be."""

import pytest

from ordertrail_server.access.forwarded_identity import read_forwarded, write_forwarded
from ordertrail_server.access.grant import MAX_CUSTOMERS, Grant, Recipient
from ordertrail_server.access.identity.identity import ANONYMOUS, CERTIFICATE, Identity
from ordertrail_server.access.permission import PERMISSIONS, READ, SUBMIT
from ordertrail_server.access.policy import Policy
from ordertrail_server.access.rights import CallerLimits, Rights
from ordertrail_server.access.rights_cache import RightsCache
from ordertrail_server.access.scope import EVERYTHING, NO_CUSTOMER, Scope


@pytest.mark.parametrize("may_act", [True, False])
def test_right_to_act_for_others_is_covered_only_by_itself(may_act: bool) -> None:
    rights = Rights({READ: EVERYTHING}, may_act_for_others=True)
    assert Rights({READ: EVERYTHING}, may_act, CallerLimits(streams=1)).covers(rights) == may_act


def test_claim_grants_no_customer_whose_id_cannot_be_stored() -> None:
    grant = Grant(Recipient(), frozenset({READ}), customers_claim="shop", prefixes_claim="shop")
    shops = ["acme", "", NO_CUSTOMER, "\ud800", "a\nb", "a" * 129, 1, None, ["globex"]]
    rights = Policy([grant]).rights_of(Identity("till-1", "https://issuer.example", {"shop": shops}))
    assert rights.scopes[READ] == Scope(frozenset({"acme"}), frozenset({"acme"}))


@pytest.mark.parametrize("identity", [ANONYMOUS, Identity("CN=till", CERTIFICATE, {"dns": ("till",)}, 2e9)])
def test_forwarded_identity_is_that_of_the_caller(identity: Identity) -> None:
    forwarded = read_forwarded(write_forwarded(identity))
    assert forwarded == identity
    assert (forwarded is ANONYMOUS) == (identity is ANONYMOUS)


def test_remembered_rights_are_bounded_by_the_size_of_claims_and_scopes() -> None:
    shops = [f"shop-{number}" for number in range(MAX_CUSTOMERS)]
    grant = Grant(Recipient(), frozenset(PERMISSIONS), customers_claim="shop")
    cache, counts = RightsCache(Policy([grant])), list[int]()
    for number in range(1_000):
        cache.get(Identity(f"till-{number}", "https://issuer.example", {"shop": shops}))
        counts.append(len(cache))
    assert 100 < max(counts) < 500
    assert cache.get(Identity("till-999", "https://issuer.example", {"shop": shops})).scopes[READ].includes("shop-1")


def test_permissions_of_one_grant_share_a_scope() -> None:
    grant = Grant(Recipient(), frozenset({READ, SUBMIT}), customers_claim="shop")
    scopes = Policy([grant]).rights_of(Identity("till-1", "https://issuer.example", {"shop": "acme"})).scopes
    assert scopes[READ] is scopes[SUBMIT]
