"""Each rule of a field does what its proto says, in an event and in each kind of nested message."""

from typing import Any, NamedTuple

import pytest
from tests.schema.hops.trees import Tree, to_json, trees

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.upcasting import CannotUpcast
from ordertrail_server.schema.wire import bytes_tag, chunk

FROM = 'option (message).from = "v1.Placed";'
JSON = dict[str, Any]


class Spec(NamedTuple):
    """Two versions, without the option that links them, and a value of the first with its reading in the second."""

    v1: str
    v2: str
    stored: JSON
    expected: JSON


PRIORITY = "enum Priority { PRIORITY_NONE = 0; PRIORITY_URGENT = 1; PRIORITY_LOW = 2; PRIORITY_LOWEST = 3; }"
PRIORITY_NOW = "enum Priority { PRIORITY_NONE = 0; PRIORITY_LOW = 1; PRIORITY_HIGH = 2; }"
TO_HIGH = """enum_map: {from: "PRIORITY_URGENT" to: "PRIORITY_HIGH"}
             enum_map: {from: "PRIORITY_LOWEST" to: "PRIORITY_LOW"}"""

FIELDS = {
    "a field reads the field of the same name": Spec(
        "optional string a = 1;", "optional string a = 1;", {"a": "x"}, {"a": "x"}
    ),
    "absent stays absent": Spec("optional string a = 1;", "optional string a = 1;", {}, {}),
    "zero is not absent": Spec("optional int32 a = 1;", "optional int32 a = 1;", {"a": 0}, {"a": 0}),
    "a field under another number": Spec(
        "optional string a = 1; repeated int32 b = 2;",
        "optional string a = 11; repeated int32 b = 12;",
        {"a": "x", "b": [1, 2]},
        {"a": "x", "b": [1, 2]},
    ),
    "from: another name": Spec(
        "optional string shop_id = 1;",
        'optional string customer_id = 1 [(field).from = "shop_id"];',
        {"shop_id": "s"},
        {"customer_id": "s"},
    ),
    "from: another name and another number": Spec(
        "optional string shop_id = 1;",
        'optional string customer_id = 2 [(field).from = "shop_id"];',
        {"shop_id": ""},
        {"customer_id": ""},
    ),
    "from: two swapped names": Spec(
        "optional string a = 1; optional string b = 2;",
        'optional string a = 3 [(field).from = "b"]; optional string b = 4 [(field).from = "a"];',
        {"a": "x", "b": "y"},
        {"a": "y", "b": "x"},
    ),
    "from: the name of a dropped field for another one": Spec(
        "optional string a = 1; optional string b = 2;",
        'option (message).dropped = "a"; optional string a = 2 [(field).from = "b"];',
        {"a": "x", "b": "y"},
        {"a": "y"},
    ),
    "dropped: a field": Spec(
        "optional string a = 1; optional string b = 2;",
        'option (message).dropped = "b"; optional string a = 1;',
        {"a": "x", "b": "y"},
        {"a": "x"},
    ),
    "absent: a new field stays absent": Spec(
        "optional string a = 1;",
        """optional string a = 1; optional string b = 2 [(field).absent = true];
           repeated int32 c = 3 [(field).absent = true];""",
        {"a": "x"},
        {"a": "x"},
    ),
    "enum_map: singular, repeated and map fields": Spec(
        "optional Priority a = 1; repeated Priority b = 2; map<string, Priority> c = 3;",
        f"""optional Priority a = 1 [(field) = {{ {TO_HIGH} }}];
            repeated Priority b = 2 [(field) = {{ {TO_HIGH} }}];
            map<string, Priority> c = 3 [(field) = {{ {TO_HIGH} }}];""",
        {
            "a": "PRIORITY_URGENT",
            "b": ["PRIORITY_LOW", "PRIORITY_LOWEST", "PRIORITY_NONE"],
            "c": {"k": "PRIORITY_LOW", "l": "PRIORITY_URGENT"},
        },
        {
            "a": "PRIORITY_HIGH",
            "b": ["PRIORITY_LOW", "PRIORITY_LOW", "PRIORITY_NONE"],
            "c": {"k": "PRIORITY_LOW", "l": "PRIORITY_HIGH"},
        },
    ),
    "a singular field becomes a list": Spec(
        "optional string a = 1; optional int32 b = 2; optional Inner c = 3; optional string d = 4;",
        "repeated string a = 1; repeated int64 b = 2; repeated Inner c = 3; repeated string d = 14;",
        {"a": "", "b": -1, "c": {"x": "z"}},
        {"a": [""], "b": ["-1"], "c": [{"x": "z"}]},
    ),
    "renamed, widened and made a list": Spec(
        "optional int32 a = 1; optional float b = 2;",
        'repeated int64 many = 1 [(field).from = "a"]; repeated double more = 12 [(field).from = "b"];',
        {"a": -7, "b": 0.5},
        {"many": ["-7"], "more": [0.5]},
    ),
    "moved out of a nested message": Spec(
        "optional Inner inner = 1;",
        'optional string y = 2 [(field).from = "inner.x"];',
        {"inner": {"x": "z"}},
        {"y": "z"},
    ),
    "moved out of an absent nested message": Spec(
        "optional Inner inner = 1;", 'optional string y = 2 [(field).from = "inner.x"];', {}, {}
    ),
    "one field moved out of a nested message, another stays": Spec(
        "optional Two two = 1;",
        'optional string x = 2 [(field).from = "two.x"]; optional One two = 1;',
        {"two": {"x": "a", "y": "b"}},
        {"x": "a", "two": {"y": "b"}},
    ),
    "moved into a nested message": Spec(
        "optional string x = 1; optional string y = 2;",
        'optional Two two = 3 [(field).from = "."];',
        {"x": "a"},
        {"two": {"x": "a"}},
    ),
    "absent field moved into a nested message": Spec(
        "optional string x = 1; optional string y = 2;", 'optional Two two = 3 [(field).from = "."];', {}, {}
    ),
    "moved into nested messages of two levels under another name": Spec(
        "optional string old_x = 1; optional string y = 2;",
        'optional Outer outer = 3 [(field).from = "."];',
        {"old_x": "a", "y": "b"},
        {"outer": {"x": "a", "deep": {"y": "b"}}},
    ),
    "moved from one nested message into another": Spec(
        "optional Inner inner = 1; optional string y = 2;",
        'optional Mixed mixed = 3 [(field).from = "."];',
        {"inner": {"x": "a"}, "y": "b"},
        {"mixed": {"x": "a", "y": "b"}},
    ),
    "a oneof stays a oneof": Spec(
        "oneof way { string post = 1; int32 desk = 2; Inner inner = 3; }",
        'oneof way { string mail = 1 [(field).from = "post"]; int64 desk = 12; Inner inner = 3; }',
        {"desk": 0},
        {"desk": "0"},
    ),
    "a oneof becomes fields": Spec(
        "oneof way { string post = 1; int32 desk = 2; }",
        "optional string post = 1; optional int32 desk = 2;",
        {"post": ""},
        {"post": ""},
    ),
    "members of a oneof moved out of a nested message": Spec(
        "optional Way way = 1;",
        'oneof way { string post = 2 [(field).from = "way.post"]; int32 desk = 3 [(field).from = "way.desk"]; }',
        {"way": {"desk": 4}},
        {"desk": 4},
    ),
    "a field becomes a member of a oneof": Spec(
        "optional string post = 1;",
        "oneof way { string post = 1; string desk = 2 [(field).absent = true]; }",
        {"post": ""},
        {"post": ""},
    ),
    "a map of messages": Spec(
        "map<string, Inner> a = 1; map<int32, int32> b = 2; map<bool, bytes> c = 3;",
        "map<string, Inner> a = 11; map<int32, int64> b = 2; map<bool, bytes> c = 3;",
        {"a": {"k": {"x": "z"}, "l": {}}, "b": {"1": 2}, "c": {"true": "eA=="}},
        {"a": {"k": {"x": "z"}, "l": {}}, "b": {"1": "2"}, "c": {"true": "eA=="}},
    ),
}
NESTED_1 = f"""
{PRIORITY}
message Inner {{ optional string x = 1; }}
message Two {{ optional string x = 1; optional string y = 2; }}
message Way {{ oneof way {{ string post = 1; int32 desk = 2; }} }}
"""
NESTED_2 = f"""
{PRIORITY_NOW}
message Inner {{ optional string x = 1; }}
message Two {{ optional string x = 1; optional string y = 2; }}
message One {{ option (message).from = "v1.Two"; optional string y = 2; }}
message Mixed {{ optional string x = 1 [(field).from = "inner.x"]; optional string y = 2; }}
message Deep {{ optional string y = 1; }}
message Outer {{ optional string x = 1 [(field).from = "old_x"]; optional Deep deep = 2 [(field).from = "."]; }}
"""
GIVEN_UP = ["optional string", "repeated string", "optional Inner", "repeated Inner", "map<string, Inner>"]


def _events(name: str) -> tuple[str, str]:
    spec = FIELDS[name]
    return f"{NESTED_1}\nmessage Placed {{ {spec.v1} }}", f"{NESTED_2}\nmessage Placed {{ {FROM} {spec.v2} }}"


def _nested(name: str) -> tuple[str, str]:
    """Return the same change in a nested message: single, repeated and in a map, with its old number and a new one."""
    spec = FIELDS[name]
    fields = "optional Part one = 1; repeated Part several = 2; map<string, Part> mapped = 3;"
    moved = "optional Part two = 4; repeated Part others = 5; map<string, Part> by_name = 6;"
    now = fields + moved.replace("4;", "14;").replace("5;", "15;").replace("6;", "16;")
    return (
        f"{NESTED_1}\nmessage Part {{ {spec.v1} }}\nmessage Placed {{ {fields} {moved} }}",
        f"{NESTED_2}\nmessage Part {{ {spec.v2} }}\nmessage Placed {{ {FROM} {now} }}",
    )


def _given_up(label: str) -> dict[str, str]:
    v1 = f"message Inner {{}}\nmessage Placed {{ optional string a = 1; {label} b = 2; }}"
    v2 = f'message Placed {{ {FROM} option (message).dropped = "b"; optional string a = 1; }}'
    return {"v1": v1, "v2": v2, "public": "message Placed { optional string a = 1; }"}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    every = {
        **{f"top{number}": _events(name) for number, name in enumerate(FIELDS)},
        **{f"nested{number}": _nested(name) for number, name in enumerate(FIELDS)},
    }
    given_up = {f"given_up{place}": _given_up(label) for place, label in enumerate(GIVEN_UP)}
    return trees({**{name: {"v1": v1, "v2": v2} for name, (v1, v2) in every.items()}, **given_up})


@pytest.mark.parametrize("name", FIELDS)
def test_rule_of_a_field_applies_in_an_event(compiled: dict[str, Tree], name: str) -> None:
    tree = compiled[f"top{[*FIELDS].index(name)}"]
    assert tree.gaps == []
    assert tree.hop(**FIELDS[name].stored) == FIELDS[name].expected


@pytest.mark.parametrize("name", FIELDS)
def test_rule_of_a_field_applies_in_single_repeated_and_map_messages(compiled: dict[str, Tree], name: str) -> None:
    tree, (_, _, stored, expected) = compiled[f"nested{[*FIELDS].index(name)}"], FIELDS[name]
    assert tree.gaps == []
    places = {"one": stored, "several": [stored, {}, stored], "mapped": {"k": stored, "": {}}}
    moved = {"two": stored, "others": [{}, stored], "by_name": {"k": stored}}
    assert tree.hop(**places, **moved) == {
        **{"one": expected, "several": [expected, {}, expected], "mapped": {"k": expected, "": {}}},
        **{"two": expected, "others": [{}, expected], "by_name": {"k": expected}},
    }


@pytest.mark.parametrize("place", range(len(GIVEN_UP)), ids=GIVEN_UP)
def test_bytes_of_a_dropped_field_need_not_be_valid(compiled: dict[str, Tree], place: int) -> None:
    reader = compiled[f"given_up{place}"].reader()
    public = message_class(reader.hops[-1].new)()
    reader.read(chunk(bytes_tag(1), b"x") + chunk(bytes_tag(2), b"\xff"), public)
    assert to_json(public) == {"a": "x"}


@pytest.mark.parametrize("stored", [{"a": 9}, {"b": [1, 9]}, {"c": {"k": 9}}], ids=["one", "several", "by key"])
@pytest.mark.parametrize("nested", [False, True], ids=["in the event", "nested in it"])
def test_number_that_is_no_value_of_its_enum_cannot_be_mapped(
    compiled: dict[str, Tree], stored: JSON, nested: bool
) -> None:
    place = [*FIELDS].index("enum_map: singular, repeated and map fields")
    tree, event = compiled[f"{'nested' if nested else 'top'}{place}"], {"several": [{}, stored]} if nested else stored
    with pytest.raises(CannotUpcast, match="holds 9, which is not a value of its enum"):
        tree.hop(**event)
