"""Each gap between two versions names its remedy, and the remedy closes the gap."""

from typing import NamedTuple

import pytest
from tests.schema.hops.trees import Tree, trees

FROM = 'option (message).from = "v1.Placed";'
PYTHON = "name a Python function with the option `python`"


class Spec(NamedTuple):
    """A first version, a second with a gap, the gap's text, and the second with the remedy, if an option is one."""

    v1: str
    v2: str
    gap: str
    fixed: str | None


NESTED_1 = """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; MOOD_ODD = 2; }
message One { optional string x = 1; }
message Two { optional string x = 1; optional string y = 2; }
message Way { oneof way { string post = 1; string desk = 2; } }
message Loop { repeated Loop loops = 1; }
"""
NESTED_2 = """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; }
message One { optional string x = 1; }
message Two { optional string x = 1; }
message Pair { optional string x = 1; }
message Loop { repeated Loop loops = 1; }
message In { optional string x = 1; }
message Out { optional string x = 1; }
message Round { optional Round round = 1 [(field).from = "."]; }
"""
SPECS = {
    "a new field without a rule, which may be absent": Spec(
        "optional string a = 1;",
        "optional string a = 1; optional string b = 2;",
        "v2.Placed.b gets no value from v1.Placed: set `from`, `literal` or `absent` on it",
        "optional string a = 1; optional string b = 2 [(field).absent = true];",
    ),
    "a new field without a rule, which may have a literal": Spec(
        "",
        "optional string b = 2;",
        "v2.Placed.b gets no value from v1.Placed: set `from`, `literal` or `absent` on it",
        'optional string b = 2 [(field).literal = "x"];',
    ),
    "a field that is neither read nor dropped": Spec(
        "optional string a = 1;",
        "",
        "v1.Placed.a is lost in v2.Placed: read it with `from`, or list it in `dropped`",
        'option (message).dropped = "a";',
    ),
    "an unread field of a nested message whose other field is read": Spec(
        "optional Two two = 1;",
        'optional string x = 2 [(field).from = "two.x"];',
        "v1.Placed.two.y is lost in v2.Placed: read it with `from`, or list it in `dropped`",
        'option (message).dropped = "two.y"; optional string x = 2 [(field).from = "two.x"];',
    ),
    "an unread field of a nested message": Spec(
        "optional Two two = 1;",
        "optional Two two = 1;",
        "v1.Two.y is lost in v2.Two: read it with `from`, or list it in `dropped`",
        'optional Two two = 1; optional string y = 2 [(field).from = "two.y"];',
    ),
    "`from` names an unknown field": Spec(
        "optional string a = 1;",
        'option (message).dropped = "a"; optional string b = 1 [(field).from = "aa"];',
        "v2.Placed.b is from aa, but v1.Placed has no such field: correct the path",
        'optional string b = 1 [(field).from = "a"];',
    ),
    "`from` names a field of a repeated message": Spec(
        "repeated One a = 1;",
        'optional string b = 1 [(field).from = "a.x"];',
        "v2.Placed.b is from a.x, but v1.Placed has no such field: correct the path",
        'repeated One b = 1 [(field).from = "a"];',
    ),
    "`from` names an unknown predecessor": Spec(
        "optional string a = 1;",
        'optional string a = 1 [(field).from = "Plaecd:a"];',
        'v2.Placed.a names the source "Plaecd:a", but no predecessor has that name: correct it',
        'optional string a = 1 [(field).from = "Placed:a"];',
    ),
    "`from` names two fields": Spec(
        "optional string a = 1; optional string b = 2;",
        'optional string c = 1 [(field) = {from: ["a", "b"]}]; option (message).dropped = "b";',
        "v2.Placed.c has more than one `from` for v1.Placed: keep one",
        'optional string c = 1 [(field).from = "a"]; option (message).dropped = "b";',
    ),
    "an unknown field in `dropped`": Spec(
        "optional string a = 1;",
        'option (message).dropped = "b"; optional string a = 1;',
        "v2.Placed drops b, but v1.Placed has no such field: correct the path",
        "optional string a = 1;",
    ),
    "`absent` on a field that has a value": Spec(
        "optional string a = 1;",
        "optional string a = 1 [(field).absent = true];",
        "v2.Placed.a has the rule `absent`, but v1.Placed.a fills it: remove one of the two",
        "optional string a = 1;",
    ),
    "`literal` on a field that has a value": Spec(
        "optional string a = 1;",
        'optional string a = 1 [(field).literal = "x"];',
        "v2.Placed.a has the rule `literal`, but v1.Placed.a fills it: remove one of the two",
        "optional string a = 1;",
    ),
    "`literal` next to `from`": Spec(
        "optional string a = 1;",
        'optional string b = 1 [(field) = {from: "a" literal: "x"}];',
        'v2.Placed.b has the rule `literal`, but from: "a" fills it: remove one of the two',
        'optional string b = 1 [(field) = {from: "a"}];',
    ),
    "a literal of another type than the field": Spec(
        "",
        'optional int32 a = 1 [(field).literal = "many"];',
        "v2.Placed.a has the literal many, which is not a value of its type: correct it",
        'optional int32 a = 1 [(field).literal = "5"];',
    ),
    "a literal that is null": Spec(
        "",
        'optional int32 a = 1 [(field).literal = "null"];',
        "v2.Placed.a has the literal null, which is not a value of its type: correct it",
        'optional int32 a = 1 [(field).literal = "0"];',
    ),
    "a literal that is not a value of its enum": Spec(
        "",
        'optional Mood a = 1 [(field).literal = "MOOD_BAD"];',
        "v2.Placed.a has the literal MOOD_BAD, which is not a value of its type: correct it",
        'optional Mood a = 1 [(field).literal = "MOOD_GOOD"];',
    ),
    "a literal for a repeated field": Spec(
        "",
        'repeated int32 a = 1 [(field).literal = "5"];',
        "v2.Placed.a cannot have a literal, which is one scalar value: use `absent`",
        "repeated int32 a = 1 [(field).absent = true];",
    ),
    "a literal for a message": Spec(
        "",
        'optional One a = 1 [(field).literal = "{}"];',
        "v2.Placed.a cannot have a literal, which is one scalar value: use `absent`",
        "optional One a = 1 [(field).absent = true];",
    ),
    "a literal for a field without presence": Spec(
        "",
        'string a = 1 [(field).literal = ""];',
        "v2.Placed.a must be optional to have a literal",
        'optional string a = 1 [(field).literal = ""];',
    ),
    "the number of another field": Spec(
        "optional string a = 1; optional string b = 2;",
        'option (message).dropped = "a"; optional string c = 1 [(field).absent = true]; optional string b = 2;',
        "v2.Placed.c has the number 1 of v1.Placed.a: give it a number that was never used",
        'option (message).dropped = "a"; optional string c = 3 [(field).absent = true]; optional string b = 2;',
    ),
    "the number of another field, in a nested message that takes fields of the event": Spec(
        "optional string x = 1;",
        'optional In in = 1 [(field).from = "."];',
        "v2.Placed.in has the number 1 of v1.Placed.x: give it a number that was never used",
        'optional In in = 2 [(field).from = "."];',
    ),
    "a value that is read twice": Spec(
        "optional string a = 1;",
        'optional string a = 1 [(field).from = "a"]; optional string b = 2 [(field).from = "a"];',
        "v1.Placed.a is read by 2 fields of v2.Placed: keep one",
        "optional string a = 1; optional string b = 2 [(field).absent = true];",
    ),
    "a value that is read twice, once within its message": Spec(
        "optional One one = 1;",
        'optional One one = 1; optional string b = 2 [(field).from = "one.x"];',
        "v1.Placed.one.x is read by 2 fields of v2.Placed: keep one",
        "optional One one = 1;",
    ),
    "a value that is read twice, once with the whole of its message": Spec(
        "optional One one = 1;",
        'optional v1.One one = 1; optional string b = 2 [(field).from = "one.x"];',
        "v1.Placed.one.x is read by 2 fields of v2.Placed: keep one",
        "optional v1.One one = 1;",
    ),
    "a oneof whose members read two fields": Spec(
        "optional string a = 1; optional string b = 2;",
        "oneof c { string a = 1; string b = 2; }",
        "the members a, b of v2.Placed.c are read from fields that may be set together: use separate fields",
        "optional string a = 1; optional string b = 2;",
    ),
    "a oneof whose members read two messages of one type": Spec(
        "optional Way a = 1; optional Way b = 2;",
        """option (message).dropped = "a.desk"; option (message).dropped = "b.post";
           oneof way { string post = 3 [(field).from = "a.post"]; string desk = 4 [(field).from = "b.desk"]; }""",
        "the members post, desk of v2.Placed.way are read from fields that may be set together: use separate fields",
        """option (message).dropped = "a.desk"; option (message).dropped = "b";
           oneof way { string post = 3 [(field).from = "a.post"]; string desk = 4 [(field).absent = true]; }""",
    ),
    "a oneof of a field and a nested message that takes fields of the event": Spec(
        "optional string x = 1; optional string y = 2;",
        """oneof both { In in = 3 [(field).from = "."]; Out out = 4 [(field).absent = true]; string y = 2; }""",
        "the members in, y of v2.Placed.both are read from fields that may be set together: use separate fields",
        'optional string y = 2; oneof both { In in = 3 [(field).from = "."]; Out out = 4 [(field).absent = true]; }',
    ),
    "a literal in a oneof": Spec(
        "oneof a { string b = 1; string c = 2; }",
        'oneof a { string b = 1; string c = 2; string d = 3 [(field).literal = "x"]; }',
        "the members b, c, d of v2.Placed.a are read from fields that may be set together: use separate fields",
        "oneof a { string b = 1; string c = 2; string d = 3 [(field).absent = true]; }",
    ),
    "a literal for one member of a new oneof": Spec(
        "",
        'oneof a { string b = 1 [(field).absent = true]; string d = 3 [(field).literal = "x"]; }',
        "v2.Placed.d has a literal, though v2.Placed.a may hold another member: use `absent`",
        "oneof a { string b = 1 [(field).absent = true]; string d = 3 [(field).absent = true]; }",
    ),
    "an enum that lacks a value": Spec(
        "optional Mood a = 1;",
        "optional Mood a = 1;",
        "v1.Placed.a is read as v2.Placed.a, but v2.Mood has no value MOOD_ODD: add it, or map it with `enum_map`",
        'optional Mood a = 1 [(field) = {enum_map: {from: "MOOD_ODD" to: "MOOD_NONE"}}];',
    ),
    "`enum_map` of an unknown value": Spec(
        "optional Mood a = 1;",
        'optional Mood a = 1 [(field) = {enum_map: {from: "MOOD_AWFUL" to: "MOOD_NONE"}}];',
        "v1.Placed.a is read as v2.Placed.a, but its enum_map names MOOD_AWFUL, "
        "which is not a value of the enum: correct it",
        'optional Mood a = 1 [(field) = {enum_map: {from: "MOOD_ODD" to: "MOOD_NONE"}}];',
    ),
    "a nested message of another type": Spec(
        "optional One a = 1;",
        "optional Pair a = 1;",
        'v2.Placed.a holds v2.Pair, which has no rule to be read from v1.One: set from: "v1.One" on it',
        "optional One a = 1;",
    ),
    '`from: "."` on a repeated field': Spec(
        "optional string x = 1;",
        'repeated string x = 2 [(field).from = "."];',
        'v2.Placed.x has from: ".", but is not a single message: name a field',
        'repeated string x = 2 [(field).from = "x"];',
    ),
    '`from: "."` on a recursive message': Spec(
        "optional string x = 1;",
        'optional string x = 1; optional Round round = 2 [(field).from = "."];',
        f"v2.Round.round leads back to v2.Round, which is recursive, and rules cannot follow that: {PYTHON}",
        "optional string x = 1; optional Round round = 2 [(field).absent = true];",
    ),
    "a recursive message": Spec(
        "optional Loop loop = 1;",
        "optional Loop loop = 1;",
        f"v2.Loop.loops leads back to v2.Loop, which is recursive, and rules cannot follow that: {PYTHON}",
        "optional v1.Loop loop = 1;",
    ),
    "a repeated field becomes singular": Spec(
        "repeated string a = 1;",
        "optional string a = 1;",
        f"v1.Placed.a is read as v2.Placed.a, but may hold several values: keep it repeated, or {PYTHON}",
        "repeated string a = 1;",
    ),
    "a map becomes a list": Spec(
        "map<string, string> a = 1;",
        "repeated string a = 1;",
        f"v1.Placed.a is read as v2.Placed.a, but only one of them is a map: {PYTHON}",
        None,
    ),
    "a map with another key type": Spec(
        "map<int32, string> a = 1;",
        "map<int64, string> a = 1;",
        f"v1.Placed.a is read as v2.Placed.a, but their keys have different types: {PYTHON}",
        None,
    ),
}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    texts = {}
    for number, spec in enumerate(SPECS.values()):
        v1 = f"{NESTED_1}\nmessage Placed {{ {spec.v1} }}"
        for name, v2 in {"gap": spec.v2, "fixed": spec.fixed}.items():
            if v2 is not None:
                texts[f"{name}{number}"] = {"v1": v1, "v2": f"{NESTED_2}\nmessage Placed {{ {FROM} {v2} }}"}
    return trees(texts)


@pytest.mark.parametrize("name", SPECS)
def test_gap_is_reported_once_without_other_gaps(compiled: dict[str, Tree], name: str) -> None:
    assert compiled[f"gap{[*SPECS].index(name)}"].gaps == [SPECS[name].gap]


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.fixed is not None])
def test_remedy_in_the_text_of_a_gap_fixes_it(compiled: dict[str, Tree], name: str) -> None:
    gaps = compiled[f"fixed{[*SPECS].index(name)}"].gaps
    assert SPECS[name].gap not in gaps
    assert gaps == []
