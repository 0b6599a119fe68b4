"""Every rule does what the proto says of it: at the top of an event, and in messages nested in it, of every kind."""

import re
from typing import Any, NamedTuple

import pytest
from tests.schema.hops.trees import ROOT, RULES, Tree, as_dict, trees

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.upcasting import CannotUpcast
from ordertrail_server.schema.wire import bytes_tag, chunk

FROM = 'option (message).from = "v1.Placed";'
JSON = dict[str, Any]


class Spec(NamedTuple):
    """Two versions, without the option that links them, and what something said in the first means in the second."""

    v1: str
    v2: str
    said: JSON
    means: JSON


PRIORITY = "enum Priority { PRIORITY_NONE = 0; PRIORITY_URGENT = 1; PRIORITY_LOW = 2; PRIORITY_LOWEST = 3; }"
PRIORITY_NOW = "enum Priority { PRIORITY_NONE = 0; PRIORITY_LOW = 1; PRIORITY_HIGH = 2; }"
TO_HIGH = """enum_map: {from: "PRIORITY_URGENT" to: "PRIORITY_HIGH"}
             enum_map: {from: "PRIORITY_LOWEST" to: "PRIORITY_LOW"}"""

FIELDS = {
    "a field takes the value of the one of the same name": Spec(
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
    "from: two names exchanged": Spec(
        "optional string a = 1; optional string b = 2;",
        'optional string a = 3 [(field).from = "b"]; optional string b = 4 [(field).from = "a"];',
        {"a": "x", "b": "y"},
        {"a": "y", "b": "x"},
    ),
    "from: the name of a field that was given up, for another one": Spec(
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
    "absent: nothing is made up": Spec(
        "optional string a = 1;",
        """optional string a = 1; optional string b = 2 [(field).absent = true];
           repeated int32 c = 3 [(field).absent = true];""",
        {"a": "x"},
        {"a": "x"},
    ),
    "enum_map: in one value, several, and those of a map": Spec(
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
    "one becomes a list": Spec(
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
    "moved out of a nested message that is not there": Spec(
        "optional Inner inner = 1;", 'optional string y = 2 [(field).from = "inner.x"];', {}, {}
    ),
    "moved out beside what stays": Spec(
        "optional Two two = 1;",
        'optional string x = 2 [(field).from = "two.x"]; optional One two = 1;',
        {"two": {"x": "a", "y": "b"}},
        {"x": "a", "two": {"y": "b"}},
    ),
    "moved in": Spec(
        "optional string x = 1; optional string y = 2;",
        'optional Two two = 3 [(field).from = "."];',
        {"x": "a"},
        {"two": {"x": "a"}},
    ),
    "moved in, and nothing was said of it": Spec(
        "optional string x = 1; optional string y = 2;", 'optional Two two = 3 [(field).from = "."];', {}, {}
    ),
    "moved in under another name, one message in the other": Spec(
        "optional string old_x = 1; optional string y = 2;",
        'optional Outer outer = 3 [(field).from = "."];',
        {"old_x": "a", "y": "b"},
        {"outer": {"x": "a", "deep": {"y": "b"}}},
    ),
    "out of one message into another": Spec(
        "optional Inner inner = 1; optional string y = 2;",
        'optional Mixed mixed = 3 [(field).from = "."];',
        {"inner": {"x": "a"}, "y": "b"},
        {"mixed": {"x": "a", "y": "b"}},
    ),
    "a oneof stays one": Spec(
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
    "the members of a nested oneof": Spec(
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
SCALARS = {
    "int32": "1",
    "int64": "-9223372036854775808",
    "uint32": "4294967295",
    "uint64": "18446744073709551615",
    "sint32": "-1",
    "sint64": "-1",
    "fixed32": "7",
    "fixed64": "7",
    "sfixed32": "-7",
    "sfixed64": "-7",
    "float": "0.5",
    "double": "-1e300",
    "bool": "true",
    "string": 'un\\"known',
    "bytes": "eA==",
    "Priority": "PRIORITY_HIGH",
}
WIDER = [
    ("int32", "int64 sint64 sfixed64 sint32 sfixed32 double", -(2**31)),
    ("sint32", "int32 int64 sint64 sfixed64 double", -(2**31)),
    ("sfixed32", "int32 int64 sint64 sfixed64 double", -(2**31)),
    ("uint32", "uint64 fixed32 fixed64 int64 sint64 sfixed64 double", 2**32 - 1),
    ("fixed32", "uint32 uint64 fixed64 int64 sint64 sfixed64 double", 2**32 - 1),
    ("int64", "sint64 sfixed64", -(2**63)),
    ("uint64", "fixed64", 2**64 - 1),
    ("float", "double", 0.25),
]


def _events(name: str) -> tuple[str, str]:
    spec = FIELDS[name]
    return f"{NESTED_1}\nmessage Placed {{ {spec.v1} }}", f"{NESTED_2}\nmessage Placed {{ {FROM} {spec.v2} }}"


def _nested(name: str) -> tuple[str, str]:
    """The same one message further in: alone, several times, and in a map, under its old number and a new one."""
    spec = FIELDS[name]
    fields = "optional Part one = 1; repeated Part several = 2; map<string, Part> mapped = 3;"
    moved = "optional Part two = 4; repeated Part others = 5; map<string, Part> by_name = 6;"
    now = fields + moved.replace("4;", "14;").replace("5;", "15;").replace("6;", "16;")
    return (
        f"{NESTED_1}\nmessage Part {{ {spec.v1} }}\nmessage Placed {{ {fields} {moved} }}",
        f"{NESTED_2}\nmessage Part {{ {spec.v2} }}\nmessage Placed {{ {FROM} {now} }}",
    )


def _numbered(rows: list[str]) -> str:
    return " ".join(f"{row.format(number)}" for number, row in enumerate(rows, 1))


def _widened() -> tuple[str, str]:
    pairs = [(old, new, kind) for old, all_new, _ in WIDER for new in all_new.split() for kind in ("a", "b", "c", "d")]
    text = {
        "a": "optional {t} {o}_{n}_a = {{}};",
        "b": "repeated {t} {o}_{n}_b = {{}};",
        "c": "map<string, {t}> {o}_{n}_c = {{}};",
    }
    was = {**text, "d": text["a"].replace("_a", "_d")}
    now = {**text, "d": text["b"].replace("_b", "_d")}
    return (
        f"message Placed {{ {_numbered([was[kind].format(t=old, o=old, n=new) for old, new, kind in pairs])} }}",
        f"message Placed {{ {FROM} {_numbered([now[kind].format(t=new, o=old, n=new) for old, new, kind in pairs])} }}",
    )


def _literals() -> tuple[str, str]:
    rows = [f'optional {kind} {kind.lower()}_ = {{}} [(field).literal = "{said}"];' for kind, said in SCALARS.items()]
    return "message Placed {}", f"{PRIORITY_NOW}\nmessage Placed {{ {FROM} {_numbered(rows)} }}"


def _examples() -> tuple[str, str]:
    """The examples of the proto's comments, as they stand there, in one event."""
    lines = re.findall(r"^  // {5}(.*)", (ROOT / "proto" / RULES).read_text(), re.MULTILINE)
    text = "\n".join(line for line in lines if "message).from" not in line and "python" not in line)
    text = text.replace("ordertrail.events.v2.", "v2.")
    v1 = f"{PRIORITY}\nmessage Placed {{ optional string shop_id = 1; optional string company_text = 2; }}"
    priority = "enum Priority { PRIORITY_NONE = 0; PRIORITY_HIGH = 1; PRIORITY_LOW = 2; PRIORITY_LOWEST = 3; }"
    buyer = "optional string buyer_id = 1"
    kept = "\n".join(line for line in text.splitlines() if not line.startswith(buyer))
    return v1.replace(
        "2; }", "2; optional Priority priority = 9; optional string legacy_note = 10; }"
    ), f"{priority}\nmessage Placed {{ {FROM} {kept} }}"


def _given_up(label: str) -> dict[str, str]:
    v1 = f"message Inner {{}}\nmessage Placed {{ optional string a = 1; {label} b = 2; }}"
    v2 = f'message Placed {{ {FROM} option (message).dropped = "b"; optional string a = 1; }}'
    return {"v1": v1, "v2": v2, "public": "message Placed { optional string a = 1; }"}


def _several_predecessors() -> tuple[str, str]:
    return (
        """
message Placed { optional string shop = 1; optional string text = 2; optional Stop stop = 3; }
message Created { optional string customer = 1; optional int32 text = 2; repeated Place stops = 4; }
message Stop { optional string town = 1; optional string note = 2; }
message Place { optional string city = 1; }""",
        """
message Placed {
  option (message) = {
    from: ["v1.Placed", "v1.Created"]
    dropped: ["Created:text"]
  };
  optional string customer_id = 5 [(field) = {from: ["Placed:shop", "Created:customer"]}];
  optional string text = 8 [(field).absent = true];
  repeated Stop stops = 3 [(field).from = "Placed:stop"];
  optional string channel = 7 [(field).literal = "old"];
}
message Stop {
  option (message) = { from: ["v1.Stop", "v1.Place"] dropped: "Stop:note" };
  optional string town = 3 [(field).from = "Place:city"];
}""",
    )


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    every = {
        **{f"top{number}": _events(name) for number, name in enumerate(FIELDS)},
        **{f"nested{number}": _nested(name) for number, name in enumerate(FIELDS)},
        "widened": _widened(),
        "literals": _literals(),
        "examples": _examples(),
        "several": _several_predecessors(),
    }
    given_up = {f"given_up{place}": _given_up(label) for place, label in enumerate(GIVEN_UP)}
    return trees({**{name: {"v1": v1, "v2": v2} for name, (v1, v2) in every.items()}, **given_up})


@pytest.mark.parametrize("name", FIELDS)
def test_in_the_event_itself(compiled: dict[str, Tree], name: str) -> None:
    tree = compiled[f"top{[*FIELDS].index(name)}"]
    assert tree.gaps == []
    assert tree.hop(**FIELDS[name].said) == FIELDS[name].means


@pytest.mark.parametrize("name", FIELDS)
def test_in_messages_nested_in_it_once_several_times_and_by_key(compiled: dict[str, Tree], name: str) -> None:
    tree, (_, _, said, means) = compiled[f"nested{[*FIELDS].index(name)}"], FIELDS[name]
    assert tree.gaps == []
    places = {"one": said, "several": [said, {}, said], "mapped": {"k": said, "": {}}}
    moved = {"two": said, "others": [{}, said], "by_name": {"k": said}}
    assert tree.hop(**places, **moved) == {
        **{"one": means, "several": [means, {}, means], "mapped": {"k": means, "": {}}},
        **{"two": means, "others": [{}, means], "by_name": {"k": means}},
    }


@pytest.mark.parametrize("place", range(len(GIVEN_UP)), ids=GIVEN_UP)
def test_what_is_given_up_need_not_be_sound(compiled: dict[str, Tree], place: int) -> None:
    reader = compiled[f"given_up{place}"].reader()
    public = message_class(reader.hops[-1].new)()
    reader.read(chunk(bytes_tag(1), b"x") + chunk(bytes_tag(2), b"\xff"), public)
    assert as_dict(public) == {"a": "x"}


@pytest.mark.parametrize("said", [{"a": 9}, {"b": [1, 9]}, {"c": {"k": 9}}], ids=["one", "several", "by key"])
@pytest.mark.parametrize("nested", [False, True], ids=["in the event", "nested in it"])
def test_what_was_no_value_of_an_enum_cannot_be_mapped(compiled: dict[str, Tree], said: JSON, nested: bool) -> None:
    place = [*FIELDS].index("enum_map: in one value, several, and those of a map")
    tree, event = compiled[f"{'nested' if nested else 'top'}{place}"], {"several": [{}, said]} if nested else said
    with pytest.raises(CannotUpcast, match="holds 9, which is no value of its enum"):
        tree.hop(**event)


@pytest.mark.parametrize(("old", "wider", "bound"), WIDER)
def test_a_number_in_a_wider_type_is_the_same_number_alone_repeated_in_a_map_and_made_a_list(
    compiled: dict[str, Tree], old: str, wider: str, bound: float
) -> None:
    tree = compiled["widened"]
    assert tree.gaps == []
    for new in wider.split():
        for value in (bound, 1, 0):
            held = {"a": value, "b": [value, 1, value], "c": {"k": value}, "d": value}
            means = {**held, "d": [value]}
            found = tree.hop(**{f"{old}_{new}_{kind}": one for kind, one in held.items()})
            assert {name.rpartition("_")[2]: _numbers(one) for name, one in found.items()} == means, (old, new)


def _numbers(value: Any) -> Any:
    """Return numbers for the text by which JSON says those of 64 bits."""
    if isinstance(value, dict):
        return {key: _numbers(one) for key, one in value.items()}
    return (
        [_numbers(one) for one in value]
        if isinstance(value, list)
        else float(value)
        if "." in str(value)
        else int(value)
    )


def test_a_literal_of_every_type(compiled: dict[str, Tree]) -> None:
    tree = compiled["literals"]
    assert tree.gaps == []
    said = {name: f"{value}" for name, value in tree.hop().items()}
    expected = {f"{kind.lower()}_": text.replace("\\", "") for kind, text in SCALARS.items()}
    assert said == {**expected, "bool_": "True", "double_": "-1e+300"}


def test_the_examples_of_the_proto_do_what_it_says(compiled: dict[str, Tree]) -> None:
    tree = compiled["examples"]
    assert tree.gaps == []
    assert tree.hop(shop_id="s", company_text="gone", priority="PRIORITY_URGENT") == {
        "customer_id": "s",
        "channel": "unknown",
        "priority": "PRIORITY_HIGH",
    }
    assert tree.hop() == {"channel": "unknown"}


def test_several_predecessors_read_as_one_each_by_its_own_paths(compiled: dict[str, Tree]) -> None:
    tree = compiled["several"]
    assert tree.gaps == []
    assert tree.hop("v1.Placed", shop="s", text="t", stop={"town": "Ghent", "note": "n"}) == {
        **{"customer_id": "s", "text": "t", "channel": "old"},
        "stops": [{"town": "Ghent"}],
    }
    assert tree.hop("v1.Created", customer="c", text=5, stops=[{"city": "Bruges"}, {}]) == {
        **{"customer_id": "c", "channel": "old"},
        "stops": [{"town": "Bruges"}, {}],
    }
