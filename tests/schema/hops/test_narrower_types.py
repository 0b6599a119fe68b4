"""A field cannot read from a field with a wider type."""

import pytest
from tests.schema.hops.trees import Tree, trees

NESTED = """
enum Mood { MOOD_NONE = 0; MOOD_GOOD = 1; }
message One { optional string x = 1; }
"""
NARROWER = [
    *("int64:int32", "uint64:uint32", "int32:uint32", "uint32:int32", "uint64:int64", "int64:uint64", "sint64:sint32"),
    *("fixed64:fixed32", "double:float", "int64:double", "uint64:double", "double:int64", "float:int32"),
    *("string:bytes", "bytes:string", "bool:int32", "int32:bool", "int32:Mood", "Mood:int32"),
    *("string:One", "One:string", "One:Mood"),
]


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    texts = {}
    for number, pair in enumerate(NARROWER):
        old_type, new_type = pair.split(":")
        old = f"message Placed {{ optional {old_type} a = 1; }}"
        new = f'message Placed {{ option (message).from = "v1.Placed"; optional {new_type} a = 1; }}'
        texts[f"narrower{number}"] = {"v1": f"{NESTED}\n{old}", "v2": f"{NESTED}\n{new}"}
    return trees(texts)


@pytest.mark.parametrize("pair", NARROWER)
def test_type_that_may_not_hold_every_value_is_a_gap(compiled: dict[str, Tree], pair: str) -> None:
    assert compiled[f"narrower{NARROWER.index(pair)}"].gaps == [
        "v1.Placed.a is read as v2.Placed.a, but its type cannot represent every value: "
        "name a Python function with the option `python`"
    ]
