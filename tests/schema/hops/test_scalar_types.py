"""Numbers read as the same numbers in each wider type, and a field of each type can have a literal."""

from typing import Any

import pytest
from tests.schema.hops.trees import Tree, trees

FROM = 'option (message).from = "v1.Placed";'
PRIORITY_NOW = "enum Priority { PRIORITY_NONE = 0; PRIORITY_LOW = 1; PRIORITY_HIGH = 2; }"
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
    rows = [
        f'optional {kind} {kind.lower()}_ = {{}} [(field).literal = "{literal}"];' for kind, literal in SCALARS.items()
    ]
    return "message Placed {}", f"{PRIORITY_NOW}\nmessage Placed {{ {FROM} {_numbered(rows)} }}"


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    packages = {"widened": _widened(), "literals": _literals()}
    return trees({name: {"v1": v1, "v2": v2} for name, (v1, v2) in packages.items()})


@pytest.mark.parametrize(("old", "wider", "bound"), WIDER)
def test_number_reads_as_the_same_number_in_a_wider_type(
    compiled: dict[str, Tree], old: str, wider: str, bound: float
) -> None:
    tree = compiled["widened"]
    assert tree.gaps == []
    for new in wider.split():
        for value in (bound, 1, 0):
            values = {"a": value, "b": [value, 1, value], "c": {"k": value}, "d": value}
            means = {**values, "d": [value]}
            new_values = tree.hop(**{f"{old}_{new}_{kind}": value for kind, value in values.items()})
            assert {name.rpartition("_")[2]: _numbers(value) for name, value in new_values.items()} == means, (old, new)


def _numbers(value: Any) -> Any:
    """Return numbers instead of the strings that JSON has for 64-bit integers."""
    if isinstance(value, dict):
        return {key: _numbers(value) for key, value in value.items()}
    return (
        [_numbers(value) for value in value]
        if isinstance(value, list)
        else float(value)
        if "." in str(value)
        else int(value)
    )


def test_field_of_every_scalar_type_can_have_a_literal(compiled: dict[str, Tree]) -> None:
    tree = compiled["literals"]
    assert tree.gaps == []
    literal = {name: f"{value}" for name, value in tree.hop().items()}
    expected = {f"{kind.lower()}_": text.replace("\\", "") for kind, text in SCALARS.items()}
    assert literal == {**expected, "bool_": "True", "double_": "-1e+300"}
