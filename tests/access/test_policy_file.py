"""What a policy file may contain, and how each fault is reported."""

from pathlib import Path

import pytest

from ordertrail_server.access.identity.identity import ANONYMOUS, CERTIFICATE, Identity
from ordertrail_server.access.identity.toml_table import ConfigInvalid
from ordertrail_server.access.permission import VERBS
from ordertrail_server.access.policy_file import MAX_BYTES, AccessConfig, read_policy_file
from ordertrail_server.access.scope import EVERYTHING, Scope

GRANT = '[[grants]]\nto = "identified"\nmay = ["read"]\n'
ACME = f'{GRANT}customers = ["acme"]\n'


def read_text(folder: Path, text: str) -> AccessConfig:
    path = folder / "policy.toml"
    path.write_text(text)
    return read_policy_file(path)


FAULTS = {
    "": "there are no grants",
    "grants = []": "there are no grants",
    "grants = 1": "there are no grants",
    "grants = [1]": "grants[0] must be a table",
    "x = 1": "x is not a known key",
    "[[grants]": "is not valid TOML",
    GRANT: "grants[0].customers is missing",
    f'{GRANT}customers = "some"': 'grants[0].customers must be "all"',
    f"{GRANT}customers = []": "grants[0].customers must be a list of one or more",
    f'{GRANT}customers = ["a", "a"]': "different texts",
    f'{GRANT}customers = ["a\\u0000"]': "grants[0].customers must be a list",
    f'{GRANT}customer_prefixes = [""]': "grants[0].customer_prefixes must be a list",
    f"{ACME}spelled_wrongly = true": "grants[0].spelled_wrongly is not a known key",
    f'{ACME}act_for_others = "yes"': "grants[0].act_for_others must be true or false",
    '[[grants]]\nmay = ["read"]\ncustomers = "all"': "grants[0].to is missing",
    '[[grants]]\nto = "everyone"\nmay = ["read"]\ncustomers = "all"': 'grants[0].to must be "anyone", "identified"',
    '[[grants]]\nto = {}\nmay = ["read"]\ncustomers = "all"': "grants[0].to has no condition",
    '[[grants]]\nto = { issuer = "other" }\nmay = ["read"]\ncustomers = "all"': "grants[0].to.issuer is not an issuer",
    '[[grants]]\nto = { claims = { a = 1 } }\nmay = ["read"]\ncustomers = "all"': "grants[0].to.claims must be a table",
    '[[grants]]\nto = "anyone"\nmay = ["raed"]\ncustomers = "all"': "grants[0].may may have",
    '[[grants]]\nto = "anyone"\nmay = []\ncustomers = "all"': "grants[0].may must be a list",
    '[[grants]]\nto = "anyone"\nmay = ["health"]\nact_for_others = true': "must not be granted to anyone",
    f"{ACME}[limits]\nstreams = 0": "limits.streams must be a number",
    f"{ACME}[limits]\nstreams = true": "limits.streams must be a number",
    f"{ACME}[limits]\nunknown = 1": "limits.unknown is not a known key",
    f"{ACME}limits = 1\n": "grants[0].limits is not a known key",
    "#" * (MAX_BYTES + 1): "has more than",
}


@pytest.mark.parametrize("text", FAULTS, ids=lambda text: text[:40])
def test_faulty_file_is_refused_and_the_fault_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigInvalid) as error:
        read_text(tmp_path, text)
    assert FAULTS[text] in str(error.value)
    assert "policy.toml" in str(error.value)


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(ConfigInvalid, match="cannot be read"):
            read_policy_file(path)


def test_grants_add_up_and_give_nothing_else(tmp_path: Path) -> None:
    text = """
[certificates]

[[grants]]
to = { names = ["till-*"] }
may = ["read", "place_order"]
customers = ["acme"]

[[grants]]
to = { issuer = "certificate", claims = { "team.role" = "buyer", groups = "night" } }
may = ["write"]
customers_claim = "shops"
customer_prefixes_claim = "regions"

[[grants]]
to = "anyone"
may = ["health"]

[limits]
streams = 3
"""
    policy = read_text(tmp_path, text).policy
    till = policy.rights_of(Identity("till-7", CERTIFICATE))
    assert till.scopes == {
        "read": Scope(frozenset({"acme"})),
        "place_order": Scope(frozenset({"acme"})),
        "health": EVERYTHING,
    }
    assert till.limits.streams == 3
    claims = {"team": {"role": "buyer"}, "groups": ["day", "night"], "shops": ["a", "b"], "regions": "eu-"}
    buyer = policy.rights_of(Identity("till-7", CERTIFICATE, claims))
    bought = Scope(frozenset({"a", "b"}), frozenset({"eu-"}))
    assert buyer.scopes["place_order"] == bought.union(Scope(frozenset({"acme"})))
    assert buyer.scopes["ship_order"] == bought
    assert buyer.scopes.keys() == {"read", "health", *VERBS.values()}
    for identity in (Identity("tills-7", CERTIFICATE), Identity("x", "another", claims), ANONYMOUS):
        assert policy.rights_of(identity).scopes == {"health": EVERYTHING}


@pytest.mark.parametrize("shops", [None, 1, True, "", [], [1], {}, ["a"] * 1_001, [f"shop-{i}" for i in range(1_001)]])
def test_claim_that_lists_no_customers_or_too_many_grants_none(tmp_path: Path, shops: object) -> None:
    policy = read_text(tmp_path, f'{GRANT}customers_claim = "shops"\n').policy
    assert policy.rights_of(Identity("x", "issuer", {"shops": shops})).scopes == {"read": Scope()}


@pytest.mark.parametrize("repeated", ["[", "9"])
def test_file_that_exceeds_a_limit_of_the_parser_is_refused(tmp_path: Path, repeated: str) -> None:
    with pytest.raises(ConfigInvalid, match="is not valid TOML"):
        read_text(tmp_path, f"x = {repeated * 9_999}")
