"""Each version of an event reads as the public event, and a public event is written as the newest version."""

from typing import Any

import pytest
from tests.schema.hops.trees import Tree, trees

FROM_1, FROM_2 = 'option (message).from = "v1.Placed";', 'option (message).from = "v2.Placed";'
JSON = dict[str, Any]

VERSIONS = {
    "renamed twice": {
        "v1": "message Placed { optional string shop = 1; }",
        "v2": f'message Placed {{ {FROM_1} optional string seller = 1 [(field).from = "shop"]; }}',
        "v3": f'message Placed {{ {FROM_2} optional string buyer = 9 [(field).from = "seller"]; }}',
        "public": "message Placed { string shop = 1; }",
    },
    "mapped by `public`": {
        "v1": 'message Placed { optional string buyer_id = 1 [(field).public = "customer_id"]; }',
        "public": "message Placed { optional string customer_id = 1; }",
    },
    "a nested message whose fields are mapped by `public` alone": {
        "v1": """
message Delivery {
  optional string day = 1 [(field).public = "day"];
  optional string way = 2 [(field).not_public = true];
}
message Placed { optional Delivery delivery = 1; }""",
        "public": "message Placed { optional string day = 1; }",
    },
    "a message of another name, mapped by `public`": {
        "v1": """
message Shipping { optional string day = 1; optional Place place = 2; }
message Place { optional string town = 1; }
message Placed { optional Shipping shipping = 1 [(field).public = "delivery"]; }""",
        "public": """
message Delivery { string day = 4; Town place = 2; }
message Town { string town = 1; }
message Placed { Delivery delivery = 2; }""",
    },
    "moved into a nested message, and into a deeper one in the next version": {
        "v1": """
message Line { optional int32 a = 1; }
message Placed { optional string day = 1; repeated Line lines = 2; }""",
        "v2": f"""
message Delivery {{ optional string day = 1; }}
message Amount {{ optional int32 a = 1; }}
message Line {{ optional Amount amount = 2 [(field).from = "."]; }}
message Placed {{ {FROM_1} optional Delivery delivery = 3 [(field).from = "."]; repeated Line lines = 2; }}""",
        "v3": f"""
message Delivery {{ optional string day = 1; }}
message Amount {{ optional int32 a = 1; }}
message Line {{ optional Amount amount = 2; }}
message Placed {{ {FROM_2} optional Delivery delivery = 3; repeated Line lines = 2; }}""",
        "public": """
message Line { optional int32 a = 1; }
message Placed { optional string day = 1; repeated Line lines = 2; }""",
    },
    "some fields moved out of a nested message": {
        "v1": "message Two { optional string x = 1; optional string y = 2; }\nmessage Placed { optional Two two = 1; }",
        "v2": f"""
message Two {{ optional string y = 2; }}
message Placed {{ {FROM_1} optional string x = 2 [(field).from = "two.x"]; optional Two two = 3; }}""",
        "public": """
message Two { optional string x = 1; optional string y = 2; }
message Placed { optional Two two = 1; }""",
    },
    "numbers that belong to other public fields": {
        "v1": """
message Deep { optional bytes a = 1; optional string b = 2; }
message Placed { optional bytes a = 1; optional string b = 2; optional Deep c = 3; repeated sint32 d = 4; }""",
        "public": """
message Deep { string b = 1; bytes a = 2; }
message Placed { string b = 1; bytes a = 2; Deep c = 3; repeated sfixed32 d = 4; }""",
    },
    "a stored field that is not public": {
        "v1": "message Placed { optional string a = 1; optional bytes note = 2 [(field).not_public = true]; }",
        "public": "message Placed { string a = 1; }",
    },
    "enum values renamed twice, in fields of every kind": {
        "v1": """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; MOOD_BAD = 2; }
message Placed { optional Mood one = 1; repeated Mood many = 2; map<string, Mood> by_name = 3; }""",
        "v2": f"""
enum Mood {{ MOOD_NONE = 0; MOOD_FINE = 2; MOOD_BAD = 1; }}
message Placed {{ {FROM_1}
  optional Mood one = 1 [(field) = {{enum_map: {{from: "MOOD_GOOD" to: "MOOD_FINE"}}}}];
  repeated Mood many = 2 [(field) = {{enum_map: {{from: "MOOD_GOOD" to: "MOOD_FINE"}}}}];
  map<string, Mood> by_name = 3 [(field) = {{enum_map: {{from: "MOOD_GOOD" to: "MOOD_FINE"}}}}];
}}""",
        "v3": f"""
enum Mood {{ MOOD_NONE = 0; MOOD_GREAT = 1; MOOD_BAD = 2; }}
message Placed {{ {FROM_2}
  optional Mood one = 1 [(field) = {{enum_map: {{from: "MOOD_FINE" to: "MOOD_GREAT"}}}}];
  repeated Mood many = 2 [(field) = {{enum_map: {{from: "MOOD_FINE" to: "MOOD_GREAT"}}}}];
  map<string, Mood> by_name = 3 [(field) = {{enum_map: {{from: "MOOD_FINE" to: "MOOD_GREAT"}}}}];
}}""",
        "public": """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; MOOD_BAD = 2; }
message Placed { optional Mood one = 1; repeated Mood many = 2; map<string, Mood> by_name = 3; }""",
    },
    "an event of another name": {
        "v1": "message Placed { optional string a = 1; }",
        "v2": f"message PlacedByShop {{ {FROM_1} optional string a = 1; }}",
        "public": "message Placed { optional string a = 1; }",
    },
    "an event that is no longer written": {
        "v1": "message Placed { option (message).retired = true; optional string a = 1; }",
        "public": "message Placed { optional string a = 1; }",
    },
}
MOOD = {"one": "MOOD_GOOD", "many": ["MOOD_BAD", "MOOD_GOOD"], "by_name": {"k": "MOOD_GOOD"}}
# The tree, the stored message, its fields, and its public reading.
READS = [
    ("renamed twice", "v1.Placed", {"shop": "s"}, {"shop": "s"}),
    ("renamed twice", "v2.Placed", {"seller": "s"}, {"shop": "s"}),
    ("renamed twice", "v3.Placed", {"buyer": "s"}, {"shop": "s"}),
    ("mapped by `public`", "v1.Placed", {"buyer_id": ""}, {"customer_id": ""}),
    (
        "a message of another name, mapped by `public`",
        "v1.Placed",
        {"shipping": {"day": "d", "place": {"town": "t"}}},
        {"delivery": {"day": "d", "place": {"town": "t"}}},
    ),
    *(
        (
            "moved into a nested message, and into a deeper one in the next version",
            name,
            stored,
            {"day": "d", "lines": [{"a": 0}, {}]},
        )
        for name, stored in {
            "v1.Placed": {"day": "d", "lines": [{"a": 0}, {}]},
            "v2.Placed": {"delivery": {"day": "d"}, "lines": [{"amount": {"a": 0}}, {}]},
            "v3.Placed": {"delivery": {"day": "d"}, "lines": [{"amount": {"a": 0}}, {}]},
        }.items()
    ),
    ("moved into a nested message, and into a deeper one in the next version", "v1.Placed", {}, {}),
    (
        "some fields moved out of a nested message",
        "v1.Placed",
        {"two": {"x": "a", "y": "b"}},
        {"two": {"x": "a", "y": "b"}},
    ),
    (
        "some fields moved out of a nested message",
        "v2.Placed",
        {"x": "a", "two": {"y": "b"}},
        {"two": {"x": "a", "y": "b"}},
    ),
    ("some fields moved out of a nested message", "v2.Placed", {"x": "a"}, {"two": {"x": "a"}}),
    ("some fields moved out of a nested message", "v2.Placed", {}, {}),
    *(
        ("numbers that belong to other public fields", "v1.Placed", stored, stored)
        for stored in [{"a": "/w==", "b": "t", "c": {"a": "/w==", "b": "t"}, "d": [-1, 1, 300]}, {"c": {}}]
    ),
    ("a stored field that is not public", "v1.Placed", {"a": "x", "note": "/w=="}, {"a": "x"}),
    (
        "a nested message whose fields are mapped by `public` alone",
        "v1.Placed",
        {"delivery": {"day": "d", "way": "w"}},
        {"day": "d"},
    ),
    ("enum values renamed twice, in fields of every kind", "v1.Placed", MOOD, MOOD),
    ("an event of another name", "v1.Placed", {"a": "x"}, {"a": "x"}),
    ("an event of another name", "v2.PlacedByShop", {"a": "x"}, {"a": "x"}),
    ("an event that is no longer written", "v1.Placed", {"a": "x"}, {"a": "x"}),
]


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    return trees({f"versions{number}": packages for number, packages in enumerate(VERSIONS.values())})


@pytest.mark.parametrize(("name", "event", "stored", "expected"), READS)
def test_version_reads_as_the_public_event(
    compiled: dict[str, Tree], name: str, event: str, stored: JSON, expected: JSON
) -> None:
    tree = compiled[f"versions{[*VERSIONS].index(name)}"]
    assert (tree.gaps, tree.public_gaps) == ([], [])
    assert tree.read(event, **stored) == expected


@pytest.mark.parametrize(
    ("name", "public", "stored"),
    [
        ("renamed twice", {"shop": "s"}, {"buyer": "s"}),
        ("renamed twice", {"shop": ""}, {}),
        ("mapped by `public`", {"customer_id": ""}, {"buyer_id": ""}),
        (
            "moved into a nested message, and into a deeper one in the next version",
            {"day": "d", "lines": [{"a": 1}, {}]},
            {"delivery": {"day": "d"}, "lines": [{"amount": {"a": 1}}, {}]},
        ),
        ("some fields moved out of a nested message", {"two": {"x": "a", "y": "b"}}, {"x": "a", "two": {"y": "b"}}),
        ("numbers that belong to other public fields", *[{"a": "/w==", "b": "t", "c": {"b": "t"}, "d": [-1]}] * 2),
        ("a stored field that is not public", {"a": "x"}, {"a": "x"}),
        ("a nested message whose fields are mapped by `public` alone", {"day": "d"}, {"delivery": {"day": "d"}}),
        (
            "enum values renamed twice, in fields of every kind",
            MOOD,
            {"one": "MOOD_GREAT", "many": ["MOOD_BAD", "MOOD_GREAT"], "by_name": {"k": "MOOD_GREAT"}},
        ),
    ],
)
def test_public_event_is_written_as_the_newest_version(
    compiled: dict[str, Tree], name: str, public: JSON, stored: JSON
) -> None:
    assert compiled[f"versions{[*VERSIONS].index(name)}"].written(**public) == stored


def test_retired_event_is_read_but_not_written(compiled: dict[str, Tree]) -> None:
    [hop] = compiled[f"versions{[*VERSIONS].index('an event that is no longer written')}"].public.hops.values()
    assert hop.writes is None
