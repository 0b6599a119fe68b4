"""After a version with Python functions for the public event, later versions can use rules and those functions."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.schema.hops.trees import Tree, to_json, trees

from ordertrail_server.schema.cases import cases, message_class, message_of
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.functions import Function
from ordertrail_server.schema.public_hops import PublicHops
from ordertrail_server.schema.readers import Readers

JSON = dict[str, Any]
BOTH_WAYS = "name Python functions for both directions with the option `python` on v2.Placed"
FROM_1, FROM_2 = 'option (message).from = "v1.Placed";', 'option (message).from = "v2.Placed";'
V1 = """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; MOOD_BAD = 2; }
message Line { optional string sku = 1; }
message Source { optional string name = 1; }
message Placed {
  optional int32 quantity = 1; optional string day = 2; optional Mood mood = 3; repeated Line lines = 4;
  optional Source source = 5; map<string, Line> by_name = 6;
}"""
PUBLIC = """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; MOOD_BAD = 2; }
message Line { optional string sku = 1; optional string note = 2; }
message Source { optional string name = 1; optional string town = 2; }
message Placed {
  optional int32 quantity = 1; optional string day = 2; optional Mood mood = 3; repeated Line lines = 4;
  optional Source source = 5; map<string, Line> by_name = 6; optional string gift = 7; optional string way = 8;
}"""


def build_version_2(line: str, placed: str, *, source: str = "", mood: str = "MOOD_BAD = 2;") -> str:
    """Return version 2 with some parts replaced."""
    return f"""
enum Mood {{ MOOD_NONE = 0; MOOD_GOOD = 1; {mood} }}
message Line {{ {line} }}
message Source {{ optional string name = 1; {source} }}
message Placed {{ {FROM_1} {placed} }}"""


SAME_LINE = "optional string sku = 1;"
SAME_BESIDE = "repeated Line lines = 4; optional Source source = 5; map<string, Line> by_name = 6;"
SAME = f"optional int32 quantity = 1; optional string day = 2; optional Mood mood = 3; {SAME_BESIDE}"
CHANGED = """
enum Mood { MOOD_NONE = 0; MOOD_FINE = 2; MOOD_BAD = 1; }
message Line {
  optional string article = 2 [(field).from = "sku"];
  optional string shelf = 3 [(field) = {absent: true not_public: true}];
}
message Source { optional string name = 1; optional string town = 2 [(field).absent = true]; }
message Delivery { optional string day = 1; optional string way = 2 [(field) = {literal: "post" public: "way"}]; }
message Placed { %s
  optional int32 count = 8 [(field).from = "quantity"];
  optional Delivery delivery = 9 [(field).from = "."];
  optional Mood mood = 3 [(field) = {enum_map: {from: "MOOD_GOOD" to: "MOOD_FINE"}}];
  repeated Line lines = 4;
  optional Source source = 5;
  map<string, Line> by_name = 6;
  optional string card = 10 [(field) = {absent: true public: "gift"}];
  optional string channel = 11 [(field) = {literal: "unknown" not_public: true}];
}"""
ON_AND_ON = f"""
enum Mood {{ MOOD_NONE = 0; MOOD_FINE = 2; MOOD_BAD = 1; }}
message Line {{ optional string article = 2; optional string shelf = 3 [(field).not_public = true]; }}
message Source {{ optional string name = 1; optional string town = 2; }}
message Delivery {{ optional string day = 1; optional string way = 2 [(field).public = "way"]; }}
message Placed {{ {FROM_2}
  optional int32 pieces = 12 [(field).from = "count"];
  optional Delivery delivery = 9;
  optional Mood mood = 3;
  repeated Line lines = 4;
  optional Source source = 5;
  map<string, Line> by_name = 6;
  optional string card = 10 [(field).public = "gift"];
  optional string channel = 11 [(field).not_public = true];
}}"""
GAPS = {
    "a wider type": (
        build_version_2(SAME_LINE, SAME.replace("int32", "int64")),
        f"v2.Placed.quantity has a wider type than its predecessor, which v1.Placed must read: {BOTH_WAYS}",
    ),
    "a singular field becomes a list": (
        build_version_2(SAME_LINE, SAME.replace("optional string day", "repeated string day")),
        f"v2.Placed.day is a list, and its predecessor a single value, which v1.Placed must read: {BOTH_WAYS}",
    ),
    "two enum values are mapped to one": (
        build_version_2(
            SAME_LINE,
            SAME.replace("mood = 3", 'mood = 3 [(field) = {enum_map: {from: "MOOD_BAD" to: "MOOD_GOOD"}}]'),
            mood="",
        ),
        "v2.Placed.mood gives several values of its predecessor the same meaning, which v1.Placed must read: "
        + BOTH_WAYS,
    ),
    "a new field in a repeated message": (
        build_version_2(SAME_LINE + "repeated string note = 2 [(field).absent = true];", SAME),
        "v2.Line.note is new in each of v2.Placed.lines, which a Python function converts: "
        "set `not_public` on it, or name Python functions for both directions with the option `python`",
    ),
    "a new field without `public` or `not_public`": (
        build_version_2(SAME_LINE, SAME + "optional string note = 9 [(field).absent = true];"),
        "v2.Placed.note is not part of the public event: "
        "add it to public.Placed, or set `public` or `not_public` on it",
    ),
}
ADDED = CHANGED % FROM_1


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    texts = {
        "one": {"v1": V1, "v2": ADDED, "public": PUBLIC},
        "two": {"v1": V1, "v2": ADDED, "v3": ON_AND_ON, "public": PUBLIC},
        **{f"gap{place}": {"v1": V1, "v2": v2, "public": PUBLIC} for place, (v2, _) in enumerate(GAPS.values())},
    }
    return trees(texts)


def build_dozen_functions(tree: Tree) -> list[Function]:
    """Return the functions of version 1, which stores dozens where the public event has units."""
    stored, public = tree.message("v1.Placed"), tree.message("public.Placed")

    def read(stored_event: Any) -> Any:
        event: Any = message_class(public).FromString(stored_event.SerializeToString())
        event.quantity *= 12
        return event

    def write(event: Any) -> Any:
        stored_event: Any = message_class(stored).FromString(event.SerializeToString())
        stored_event.DiscardUnknownFields()
        stored_event.quantity //= 12
        return stored_event

    return [
        Function("v1.read", stored.full_name, public.full_name, read),
        Function("v1.write", public.full_name, stored.full_name, write),
    ]


class Served:
    """A tree whose version 1 has Python functions."""

    def __init__(self, tree: Tree, pick: Callable[[list[Function]], list[Function]] = lambda functions: functions):
        self._tree, self._record = tree, tree.message("log.Record")
        self._families = Families(self._record)
        self._families.functions[tree.message("v1.Placed").full_name] = pick(build_dozen_functions(tree))
        self.public = PublicHops(self._families, self._record, tree.message("public.HistoryEvent"))

    @property
    def gaps(self) -> list[str]:
        return [self._tree.short(gap) for gap in [*self._families.gaps, *self.public.gaps]]

    def read(self, name: str, stored_event: JSON) -> JSON:
        [case] = [case for case in cases(self._record) if message_of(case) is self._tree.message(name)]
        reader = Readers(self._families, self.public).of(case)
        assert reader is not None
        event = message_class(self._tree.message("public.Placed"))()
        reader.read(self._tree.make(name, **stored_event).SerializeToString(), event)
        return to_json(event)

    def written(self, stored_event: JSON) -> JSON:
        [hop] = self.public.hops.values()
        assert hop.writes is not None
        stored = message_class(hop.writes.new)()
        compile_hop(hop.writes)(self._tree.make("public.Placed", **stored_event), stored)
        return to_json(stored)


EVENT: JSON = {
    "quantity": 24,
    "day": "monday",
    "mood": "MOOD_GOOD",
    "lines": [{"sku": "a"}, {"sku": "b"}],
    "source": {"name": "n", "town": "t"},
    "by_name": {"x": {"sku": "c"}},
    "gift": "for you",
    "way": "ship",
}
STORED: JSON = {
    "count": 2,
    "delivery": {"day": "monday", "way": "ship"},
    "mood": "MOOD_FINE",
    "lines": [{"article": "a"}, {"article": "b"}],
    "source": {"name": "n", "town": "t"},
    "by_name": {"x": {"article": "c"}},
    "card": "for you",
}
OLD: JSON = {
    "quantity": 2,
    "day": "monday",
    "mood": "MOOD_BAD",
    "lines": [{"sku": "a"}],
    "source": {"name": "n"},
    "by_name": {"x": {}},
}


@pytest.mark.parametrize("tree", ["one", "two"])
def test_version_after_python_functions_can_use_rules(compiled: dict[str, Tree], tree: str) -> None:
    assert Served(compiled[tree]).gaps == []


@pytest.mark.parametrize("tree", ["one", "two"])
def test_old_fact_reads_by_functions_and_later_rules(compiled: dict[str, Tree], tree: str) -> None:
    assert Served(compiled[tree]).read("v1.Placed", OLD) == {**OLD, "quantity": 24, "way": "post"}


@pytest.mark.parametrize(
    ("tree", "newest", "stored"),
    [
        ("one", "v2.Placed", STORED),
        ("two", "v3.Placed", {"pieces": 2} | {name: value for name, value in STORED.items() if name != "count"}),
    ],
)
def test_event_written_by_functions_and_rules_reads_back_unchanged(
    compiled: dict[str, Tree], tree: str, newest: str, stored: JSON
) -> None:
    served = Served(compiled[tree])
    assert served.written(EVENT) == stored
    assert served.read(newest, stored) == EVENT


def test_absent_fields_of_an_event_are_written_absent(compiled: dict[str, Tree]) -> None:
    served = Served(compiled["one"])
    stored_event = {"quantity": 24, "lines": [{}]}
    assert served.written(stored_event) == {"count": 2, "lines": [{}]}
    assert served.read("v2.Placed", {"count": 2, "lines": [{}]}) == stored_event


def test_field_that_is_not_public_stays_out_of_the_public_event(compiled: dict[str, Tree]) -> None:
    stored_event = {**STORED, "lines": [{"article": "a", "shelf": "s"}, {"article": "b"}], "channel": "web"}
    assert Served(compiled["one"]).read("v2.Placed", stored_event) == EVENT


@pytest.mark.parametrize("name", GAPS)
def test_rule_that_functions_cannot_follow_is_a_gap_that_names_the_field(compiled: dict[str, Tree], name: str) -> None:
    assert GAPS[name][1] in Served(compiled[f"gap{[*GAPS].index(name)}"]).gaps


@pytest.mark.parametrize("index", [0, 1])
def test_functions_for_one_direction_do_not_serve_a_later_version(compiled: dict[str, Tree], index: int) -> None:
    gaps = Served(compiled["one"], lambda functions: [functions[index]]).gaps
    assert gaps == [f"v1.Placed names a Python function for one direction only: {BOTH_WAYS}"]
