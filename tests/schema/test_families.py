"""Valid and invalid families of versions, and Python functions in them."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from tests.schema.hops.trees import Tree, to_json, trees

from ordertrail_server.schema import functions
from ordertrail_server.schema.cases import message_class

PUBLIC = "message Placed { optional string a = 1; }"
PLACED = "message Placed { %s optional string a = 1; }"
READS_FROM = 'option (message).from = "%s";'
PYTHON = 'option (message).python = "tried.%s";'
TEXTS = {
    "one": {"v1": PLACED % ""},
    "chain": {
        "v1": PLACED % "",
        "v2": PLACED % READS_FROM % "v1.Placed",
        "v3": PLACED % READS_FROM % "v2.Placed",
        "v5": PLACED % READS_FROM % "v3.Placed",
    },
    "several": {
        "v1": PLACED % "" + "\nmessage Created { optional string a = 1; }",
        "v2": PLACED % 'option (message) = { from: ["v1.Placed", "v1.Created"] };',
    },
    "fork": {
        "v1": PLACED % "",
        "v2": PLACED % READS_FROM % "v1.Placed",
        "v3": PLACED % READS_FROM % "v1.Placed",
    },
    "hole": {"v1": PLACED % "", "v2": PLACED % ""},
    "nobody": {"v1": PLACED % READS_FROM % "v0.Placed"},
    "itself": {"v1": PLACED % READS_FROM % "v1.Placed"},
    "stranger": {"v1": PLACED % "" + "\nmessage Created { optional string a = 1; }"},
    "unwritten": {"v1": "message Created { optional string a = 1; }"},
    # One number may mean one thing in version 1 and another in version 3, as long as version 2 has none of it.
    "again": {
        "v1": """
message In { optional string c = 1; optional string d = 2; }
message Placed { optional string a = 1; optional string b = 2; optional In in = 3; }""",
        "v2": """
message In { option (message).dropped = "d"; optional string c = 1; }
message Placed {
  option (message) = { from: "v1.Placed" dropped: "b" };
  optional string a = 1;
  optional In in = 3;
}""",
        "v3": """
message In { optional string c = 1; optional string f = 2 [(field).absent = true]; }
message Placed {
  option (message).from = "v2.Placed";
  optional string a = 1;
  optional string e = 2 [(field).absent = true];
  optional In in = 3;
}""",
        "public": """
message In { optional string c = 1; optional string f = 2; }
message Placed { optional string a = 1; optional string e = 2; optional In in = 3; }""",
    },
    "rivals": {
        "v1": "message Placed { oneof way { string a = 1; string b = 2; } }",
        "v2": """
message Placed {
  option (message) = { from: "v1.Placed" dropped: "b" };
  oneof way { string a = 1; string c = 3 [(field).absent = true]; }
}""",
        "public": "message Placed { oneof way { string a = 1; string c = 3; } }",
    },
    "python": {
        "v1": "message Placed { optional int32 n = 1; }",
        "v2": PLACED % (READS_FROM % "v1.Placed" + PYTHON % "up"),
    },
    "both_ways": {
        "v1": f"message Placed {{ {PYTHON % 'out'} {PYTHON % 'back'} optional int32 n = 1; }}",
    },
    "renamed_by_python": {
        "v1": "message Placed { optional int32 n = 1; }",
        "v2": "message PlacedByShop { %s optional string a = 1; }" % (READS_FROM % "v1.Placed" + PYTHON % "rename"),
    },
    "out_only": {"v1": f"message Placed {{ {PYTHON % 'only_out'} optional int32 n = 1; }}"},
    "back_only": {"v1": f"message Placed {{ {PYTHON % 'only_back'} optional int32 n = 1; }}"},
    "retired_out": {
        "v1": f"message Placed {{ {PYTHON % 'retired_out'} option (message).retired = true; optional int32 n = 1; }}"
    },
    "missing": {"v1": PLACED % PYTHON % "nowhere"},
    "no_module": {"v1": PLACED % 'option (message).python = "up";'},
    "other_module": {"v1": PLACED % 'option (message).python = "nowhere.up";'},
    "no_types": {"v1": PLACED % PYTHON % "says_nothing"},
    "no_message": {"v1": PLACED % PYTHON % "of_text"},
    "stray": {"v1": PLACED % PYTHON % "stray"},
}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    return trees({name: {"public": PUBLIC, **packages} for name, packages in TEXTS.items()})


@pytest.fixture(autouse=True)
def tried(compiled: dict[str, Tree], monkeypatch: pytest.MonkeyPatch) -> None:
    """The module with the functions that the messages name."""

    def function(tree: str, reads: str, gives: str) -> Callable[[Any], Any]:
        old, new = (message_class(compiled[tree].message(name)) for name in (reads, gives))

        def call(value: Any) -> Any:
            return new(a=str(value.n)) if "n" in value.DESCRIPTOR.fields_by_name else new(n=int(value.a))

        call.__annotations__ = {"value": old, "return": new}
        return call

    module: Any = ModuleType(f"{functions.PACKAGE}.tried")
    module.up = function("python", "v1.Placed", "v2.Placed")
    module.out = function("both_ways", "v1.Placed", "public.Placed")
    module.back = function("both_ways", "public.Placed", "v1.Placed")
    module.rename = function("renamed_by_python", "v1.Placed", "v2.PlacedByShop")
    module.only_out = function("out_only", "v1.Placed", "public.Placed")
    module.only_back = function("back_only", "public.Placed", "v1.Placed")
    module.retired_out = function("retired_out", "v1.Placed", "public.Placed")
    module.stray = function("python", "v1.Placed", "v2.Placed")
    module.says_nothing = lambda value: value
    module.of_text = _of_text
    monkeypatch.setitem(sys.modules, module.__name__, module)


def _of_text(value: str) -> str:
    return value


@pytest.mark.parametrize("name", ["one", "chain", "several", "python", "both_ways", "renamed_by_python", "retired_out"])
def test_families_without_gaps_have_these_hops(compiled: dict[str, Tree], name: str) -> None:
    assert (compiled[name].gaps, compiled[name].public_gaps) == ([], [])


def test_path_of_a_version_leads_over_each_later_version(compiled: dict[str, Tree]) -> None:
    tree = compiled["chain"]
    way = tree.families.hops_from(tree.message("v1.Placed"))
    assert [tree.short(hop.new.full_name) for hop in way] == ["v2.Placed", "v3.Placed", "v5.Placed"]
    assert [tree.short(newest.full_name) for newest in tree.families.newest] == ["v5.Placed"]


def test_reused_number_of_a_dropped_field_reads_no_old_value(compiled: dict[str, Tree]) -> None:
    tree = compiled["again"]
    assert (tree.gaps, tree.public_gaps) == ([], [])
    assert tree.read("v1.Placed", a="x", b="old", **{"in": {"c": "y", "d": "old"}}) == {"a": "x", "in": {"c": "y"}}
    assert tree.read("v3.Placed", e="new", **{"in": {"f": "new"}}) == {"e": "new", "in": {"f": "new"}}


def test_last_written_oneof_member_counts_even_if_it_is_dropped(
    compiled: dict[str, Tree],
) -> None:
    tree = compiled["rivals"]
    assert (tree.gaps, tree.public_gaps) == ([], [])
    reader, public = tree.reader("v1.Placed"), tree.make("public.Placed")
    reader.read(b"".join(tree.make("v1.Placed", **{name: "x"}).SerializeToString() for name in ("a", "b")), public)
    assert to_json(public) == {}


@pytest.mark.parametrize(
    ("name", "gap"),
    [
        ("fork", "v2.Placed and v3.Placed both name v1.Placed in `from`: let the newer one name the older one"),
        ("nobody", "v1.Placed is read from v0.Placed, which is not an event of `Record`: correct its `from`"),
        ("itself", "v1.Placed is read from v1.Placed, which is not an earlier version: correct its `from`"),
        (
            "missing",
            "v1.Placed names the Python function tried.nowhere, which cannot be used: "
            "module 'ordertrail_server.schema.tried' has no attribute 'nowhere'",
        ),
        (
            "no_module",
            "v1.Placed names the Python function up, which cannot be used: "
            'name it with its module below ordertrail_server.schema, as "v1.up"',
        ),
        (
            "other_module",
            "v1.Placed names the Python function nowhere.up, which cannot be used: "
            "No module named 'ordertrail_server.schema.nowhere'",
        ),
        (
            "no_types",
            "v1.Placed names the Python function tried.says_nothing, which cannot be used: "
            "it must take one message and return one, and say so in its signature",
        ),
        (
            "no_message",
            "v1.Placed names the Python function tried.of_text, which cannot be used: "
            "<class 'str'> in the signature of tried.of_text is not a message",
        ),
        (
            "stray",
            "v1.Placed names the Python function tried.stray, which reads python.v1.Placed as python.v2.Placed, "
            "which is not a hop of that message: correct the function or `from`",
        ),
    ],
)
def test_invalid_family_is_a_gap(compiled: dict[str, Tree], name: str, gap: str) -> None:
    assert gap in compiled[name].gaps


@pytest.mark.parametrize(
    ("name", "gap"),
    [
        (
            "hole",
            "public.Placed has two newest versions, v1.Placed and v2.Placed: set `from` on the newer one",
        ),
        (
            "stranger",
            "v1.Created has neither a successor nor a public event: set `from` on its successor",
        ),
        ("unwritten", "public.Placed has no stored version: add one to ordertrail.log.v1.Record"),
        (
            "out_only",
            "v1.Placed names a Python function for one direction only: name one from public.Placed to it",
        ),
        (
            "back_only",
            "v1.Placed names a Python function for one direction only: name one from it to public.Placed",
        ),
    ],
)
def test_version_that_does_not_reach_the_public_event_is_a_gap(compiled: dict[str, Tree], name: str, gap: str) -> None:
    assert gap in compiled[name].public_gaps


def test_python_function_is_a_hop_among_hops_of_rules(compiled: dict[str, Tree]) -> None:
    assert compiled["python"].read("v1.Placed", n=7) == {"a": "7"}
    assert compiled["renamed_by_python"].read("v1.Placed", n=7) == {"a": "7"}
    assert compiled["both_ways"].read("v1.Placed", n=7) == {"a": "7"}
    assert compiled["both_ways"].written(a="7") == {"n": 7}
