"""A gap names what prevents a stored event from being read as its public event, and the remedy."""

from typing import NamedTuple

import pytest
from tests.schema.hops.trees import Tree, trees

BOTH_WAYS = "name Python functions for both directions with the option `python`"


class Spec(NamedTuple):
    """A stored message with a gap, the public message, the gap's text, and the stored message with the remedy."""

    stored: str
    public: str
    gap: str
    fixed: str | None = None


NESTED = """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; }
message Loop { repeated Loop loops = 1; }
message One { optional string x = 1; }
"""
NESTED_PUBLIC = NESTED.replace("MOOD_GOOD = 1;", "MOOD_GOOD = 1; MOOD_BAD = 2;")
GAPS = {
    "a stored field that is not public": Spec(
        "optional string a = 1; optional string b = 2;",
        "optional string a = 1;",
        "v1.Placed.b is not part of the public event: add it to public.Placed, or set `public` or `not_public` on it",
        "optional string a = 1; optional string b = 2 [(field).not_public = true];",
    ),
    "a public field without a stored field": Spec(
        "optional string b = 1 [(field).not_public = true];",
        "optional string a = 1;",
        "public.Placed.a has no field of v1.Placed as its source: set `public` on the field that corresponds to it",
        'optional string b = 1 [(field).public = "a"];',
    ),
    "two stored fields for one public field": Spec(
        'optional string a = 1; optional string b = 2 [(field).public = "a"];',
        "optional string a = 1;",
        "public.Placed.a is read by 2 fields of v1.Placed: keep one",
        "optional string a = 1; optional string b = 2 [(field).not_public = true];",
    ),
    "a oneof in the public message only": Spec(
        "optional string a = 1; optional string b = 2;",
        "oneof c { string a = 1; string b = 2; }",
        "the members a, b of public.Placed.c are read from fields that may be set together: use separate fields",
        "oneof c { string a = 1; string b = 2; }",
    ),
    "a oneof in the stored message only": Spec(
        "oneof c { string a = 1; string b = 2; }",
        "optional string a = 1; optional string b = 2;",
        "the members a, b of v1.Placed.c are read from fields that may be set together: use separate fields",
        "optional string a = 1; optional string b = 2;",
    ),
    "a narrower type": Spec(
        "optional int32 a = 1;",
        "optional int64 a = 1;",
        f"v1.Placed.a and public.Placed.a do not hold the same values: {BOTH_WAYS}",
        "optional sint64 a = 1;",
    ),
    "a narrower type in a map": Spec(
        "map<string, int32> a = 1;",
        "map<string, int64> a = 1;",
        f"v1.Placed.a and public.Placed.a do not hold the same values: {BOTH_WAYS}",
        "map<string, sfixed64> a = 1;",
    ),
    "a wider type": Spec(
        "optional int64 a = 1;",
        "optional int32 a = 1;",
        f"v1.Placed.a and public.Placed.a do not hold the same values: {BOTH_WAYS}",
    ),
    "a singular stored field and a repeated public field": Spec(
        "optional string a = 1;",
        "repeated string a = 1;",
        f"v1.Placed.a and public.Placed.a are not both single: {BOTH_WAYS}",
    ),
    "a repeated stored field and a singular public field": Spec(
        "repeated string a = 1;",
        "optional string a = 1;",
        f"v1.Placed.a and public.Placed.a are not both single: {BOTH_WAYS}",
    ),
    "an enum that lacks a value": Spec(
        "optional Mood a = 1;",
        "optional Mood a = 1;",
        "v1.Placed.a and public.Placed.a do not have the same values: add those that one of them lacks (MOOD_BAD)",
    ),
    "a recursive message": Spec(
        "optional Loop a = 1;",
        "optional Loop a = 1;",
        f"v1.Loop.loops leads back to v1.Loop, which is recursive, and rules cannot follow that: {BOTH_WAYS}",
    ),
}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    texts = {}
    for number, spec in enumerate(GAPS.values()):
        public = f"{NESTED_PUBLIC}\nmessage Placed {{ {spec.public} }}"
        for name, stored in {"gap": spec.stored, "fixed": spec.fixed}.items():
            if stored is not None:
                texts[f"{name}{number}"] = {"v1": f"{NESTED}\nmessage Placed {{ {stored} }}", "public": public}
    return trees(texts)


@pytest.mark.parametrize("name", GAPS)
def test_gap_to_the_public_event_is_reported_once_without_other_gaps(compiled: dict[str, Tree], name: str) -> None:
    assert compiled[f"gap{[*GAPS].index(name)}"].public_gaps == [GAPS[name].gap]


@pytest.mark.parametrize("name", [name for name, spec in GAPS.items() if spec.fixed is not None])
def test_remedy_of_a_gap_to_the_public_event_closes_it(compiled: dict[str, Tree], name: str) -> None:
    assert compiled[f"fixed{[*GAPS].index(name)}"].public_gaps == []
