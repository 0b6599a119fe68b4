"""The examples in the comments of the rules, and messages with several predecessors."""

import re

import pytest
from tests.schema.hops.trees import ROOT, RULES, Tree, trees

FROM = 'option (message).from = "v1.Placed";'
PRIORITY = "enum Priority { PRIORITY_NONE = 0; PRIORITY_URGENT = 1; PRIORITY_LOW = 2; PRIORITY_LOWEST = 3; }"


def _examples() -> tuple[str, str]:
    """Return an event with all examples from the comments of the rules."""
    lines = re.findall(r"^  // {5}(.*)", (ROOT / "proto" / RULES).read_text(), re.MULTILINE)
    text = "\n".join(line for line in lines if "message).from" not in line and "python" not in line)
    text = text.replace("ordertrail.events.v2.", "v2.")
    v1 = f"{PRIORITY}\nmessage Placed {{ optional string shop_id = 1; optional string company_text = 2; }}"
    priority = "enum Priority { PRIORITY_NONE = 0; PRIORITY_HIGH = 1; PRIORITY_LOW = 2; PRIORITY_LOWEST = 3; }"
    buyer = "optional string buyer_id = 1"
    fields = "\n".join(line for line in text.splitlines() if not line.startswith(buyer))
    return v1.replace(
        "2; }", "2; optional Priority priority = 9; optional string legacy_note = 10; }"
    ), f"{priority}\nmessage Placed {{ {FROM} {fields} }}"


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
    packages = {"examples": _examples(), "several": _several_predecessors()}
    return trees({name: {"v1": v1, "v2": v2} for name, (v1, v2) in packages.items()})


def test_examples_in_the_comments_of_the_rules_work(compiled: dict[str, Tree]) -> None:
    tree = compiled["examples"]
    assert tree.gaps == []
    assert tree.hop(shop_id="s", company_text="gone", priority="PRIORITY_URGENT") == {
        "customer_id": "s",
        "channel": "unknown",
        "priority": "PRIORITY_HIGH",
    }
    assert tree.hop() == {"channel": "unknown"}


def test_several_predecessors_read_as_one_each_by_its_own_rules(compiled: dict[str, Tree]) -> None:
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
