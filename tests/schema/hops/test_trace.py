"""The trace of a plan shows what each rule did with each value."""

import pytest
from tests.schema.hops.trees import Tree, trees

from ordertrail_server.schema.hops.trace import AppliedStep, trace_plan

V1 = """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; }
message Line { optional int32 count = 1; optional string note = 2; }
message Stop { optional string town = 1; }
message Placed {
  optional string shop = 1;
  optional Mood mood = 2;
  repeated Line lines = 3;
  map<string, Line> by_name = 4;
  optional Stop stop = 5;
  optional string text = 6;
  optional float rate = 7;
  optional google.protobuf.Timestamp at = 8;
  optional Stop same = 9;
}"""
V2 = """
enum Mood { MOOD_NONE = 0; MOOD_FINE = 1; }
message Line { option (message).dropped = "note"; optional int64 count = 1; }
message Stop { optional string city = 1 [(field).from = "town"]; }
message In { optional string text = 1; }
message Placed {
  option (message).from = "v1.Placed";
  optional string customer = 1 [(field).from = "shop"];
  optional Mood mood = 2 [(field) = {enum_map: {from: "MOOD_GOOD" to: "MOOD_FINE"}}];
  repeated Line lines = 3;
  map<string, Line> by_name = 4;
  repeated Stop stops = 5 [(field).from = "stop"];
  optional In in = 16 [(field).from = "."];
  optional double rate = 7;
  optional google.protobuf.Timestamp at = 8;
  optional v1.Stop same = 9;
  optional string gift = 10 [(field).absent = true];
  optional Mood made = 11 [(field).literal = "MOOD_FINE"];
  optional bytes key = 12 [(field).literal = "eA=="];
  optional double none = 13 [(field).literal = "\\"NaN\\""];
}"""
ALWAYS = [
    AppliedStep("absent", "", "gift", ""),
    AppliedStep("literal", "", "made", '"MOOD_FINE"'),
    AppliedStep("literal", "", "key", '"eA=="'),
    AppliedStep("literal", "", "none", '"NaN"'),
]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return trees({"traced": {"v1": V1, "v2": V2}})["traced"]


def test_trace_shows_each_value_with_its_old_and_new_path(tree: Tree) -> None:
    message = tree.make(
        "v1.Placed",
        shop="Möbel",
        mood="MOOD_GOOD",
        lines=[{"count": 1}, {"count": 0, "note": "n"}],
        by_name={"ü": {"count": 2}},
        stop={"town": "Ghent"},
        text="t",
        rate=0.5,
        same={"town": "Bruges"},
    )
    assert tree.gaps == []
    steps = [*trace_plan(tree.plan(), message)]
    assert [step for step in steps if step not in ALWAYS] == [
        AppliedStep("from", "shop", "customer", '"Möbel"'),
        AppliedStep("same name, enum_map", "mood", "mood", '"MOOD_GOOD"'),
        AppliedStep("same name", "lines", "lines", '[{"count": 1}, {"count": 0, "note": "n"}]'),
        AppliedStep("same name, widened", "lines[0].count", "lines[0].count", "1"),
        AppliedStep("same name, widened", "lines[1].count", "lines[1].count", "0"),
        AppliedStep("dropped", "lines[1].note", "", '"n"'),
        AppliedStep("same name", "by_name", "by_name", '{"ü": {"count": 2}}'),
        AppliedStep("same name, widened", 'by_name["ü"].count', 'by_name["ü"].count', "2"),
        AppliedStep("from, to list", "stop", "stops", '{"town": "Ghent"}'),
        AppliedStep("from", "stop.town", "stops[0].city", '"Ghent"'),
        AppliedStep("same name", "text", "in.text", '"t"'),
        AppliedStep("same name, widened", "rate", "rate", "0.5"),
        AppliedStep("same name", "same", "same", '{"town": "Bruges"}'),
    ]


def test_trace_omits_absent_fields_except_those_with_a_literal_or_absent_rule(tree: Tree) -> None:
    assert [*trace_plan(tree.plan(), tree.make("v1.Placed"))] == ALWAYS


def test_trace_shows_values_that_json_cannot_express_as_text(tree: Tree) -> None:
    message = tree.make("v1.Placed")
    message.at.seconds = 2**62  # type: ignore[attr-defined]  # built from a descriptor
    [steps] = [step for step in trace_plan(tree.plan(), message) if step not in ALWAYS]
    assert steps == AppliedStep("same name", "at", "at", f'"at {{ seconds: {2**62} }}"')
