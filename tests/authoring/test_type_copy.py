"""The source text of a copied type."""

from pathlib import Path

import pytest
from tests.authoring.basket_protos import V2, V3, edit, write_protos

from ordertrail_server.authoring.new_version import new_version

ABSENT = "repeated Thing things = 2 [(ordertrail.evolve.v1.field).absent = true];"
RULES = "[(ordertrail.evolve.v1.field) = {%s}]"


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    return write_protos(tmp_path / "proto")


def copied_text(proto: Path, event: str = "BasketFilled") -> str:
    new_version(proto, event)
    return (proto / V3).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "copied_options"),
    [
        (RULES % "absent: true", ""),
        (RULES % 'absent: true public: "goods"', ' [(ordertrail.evolve.v1.field).public = "goods"]'),
        (RULES % "absent: true not_public: true", " [(ordertrail.evolve.v1.field).not_public = true]"),
        ('[deprecated = true, (ordertrail.evolve.v1.field).literal = "漢 👨‍👩‍👧 é"]', " [deprecated = true]"),
        ('[(ordertrail.evolve.v1.field).from = "a", (ordertrail.evolve.v1.field).from = "b"]', ""),
        ("[(evolve.v1.field).absent = true, // new in v2\n deprecated = true]", " [deprecated = true]"),
        ("[\n// new in v2\n(evolve.v1.field).absent = true, deprecated = true]", " [deprecated = true]"),
        ('[json_name = "[,]"]', ' [json_name = "[,]"]'),
    ],
)
def test_copied_field_keeps_all_options_except_rules_about_predecessors(
    options: str, copied_options: str, proto: Path
) -> None:
    edit(proto / V2, ABSENT, f"repeated Thing things = 2 {options};")
    assert f"repeated Thing things = 2{copied_options};" in copied_text(proto)


@pytest.mark.parametrize("package", ["ordertrail.events.v2.", ".ordertrail.events.v2."])
@pytest.mark.parametrize("field_type", ["repeated {}Thing", "{}Thing.Part", "map<int32, {}Thing>"])
def test_qualified_type_of_copied_field_is_in_the_new_package(field_type: str, package: str, proto: Path) -> None:
    edit(proto / V2, ABSENT, f"{field_type.format(package)} things = 2;")
    new_package = package.replace("v2", "v3")
    assert f"\n  {field_type.format(new_package)} things = 2;" in copied_text(proto)


@pytest.mark.parametrize(
    ("body", "copied_body"),
    [
        ("{}", "{\n  OPTION\n}"),
        ("{ // Of {all}.\n string a = 1; }", "{ // Of {all}.\n  OPTION\n\n  string a = 1;\n}"),
        ("{ string a = 1; }", "{\n  OPTION\n\n  string a = 1;\n}"),
        ("{ option deprecated = true; // Why.\n}", "{\n  OPTION\n\n  option deprecated = true; // Why.\n}"),
    ],
)
def test_copied_event_without_predecessor_reads_from_its_original(body: str, copied_body: str, proto: Path) -> None:
    edit(proto / V2, "{\n  Thing last = 1;\n}", body)
    option = 'option (ordertrail.evolve.v1.message).from = "ordertrail.events.v2.BasketEmptied";'
    assert f"message BasketEmptied {copied_body.replace('OPTION', option)}\n" in copied_text(proto, "BasketEmptied")


def test_rule_about_the_predecessor_is_replaced_with_its_comments(proto: Path) -> None:
    rule = 'option (ordertrail.evolve.v1.message).from = "ordertrail.events.v1.BasketFilled";'
    dropped = 'option (ordertrail.evolve.v1.message).dropped = "box";'
    edit(proto / V2, rule, f"// Of v1.\n{rule} // Behind.\n// Not any more.\n{dropped}\noption deprecated = true;")
    new_rule = rule.replace("v1.BasketFilled", "v2.BasketFilled")
    expected = f"message BasketFilled {{\n  {new_rule}\n  option deprecated = true;\n\n  // Who filled it.\n"
    assert expected in copied_text(proto)


def test_type_without_its_own_event_loses_its_rules(proto: Path) -> None:
    assert "message Wrapping {\n  option deprecated = true;\n" in copied_text(proto)
