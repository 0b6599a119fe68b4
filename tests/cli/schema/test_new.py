import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.authoring.basket_protos import RECORD, V3, write_protos

from ordertrail_server.cli.main import ordertrail


@pytest.fixture
def proto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The protos below the folder in which the command is run."""
    monkeypatch.chdir(tmp_path)
    return write_protos(Path("proto"))


def new(*arguments: str) -> Result:
    return CliRunner().invoke(ordertrail, ["schema", "new", *arguments])


def test_new_version_is_reported_with_next_steps(proto: Path) -> None:
    output = new("BasketFilled").output
    report, _, next_steps = output.partition("\n\n")
    assert report.splitlines() == [
        f"Created ordertrail.events.v3.BasketFilled in {proto / V3}, a copy of ordertrail.events.v2.BasketFilled.",
        "Copied with it: Look, Thing, Wrapping.",
        "Added basket_filled_v3 = 50 to Record in proto/ordertrail/log/v1/record.proto.",
    ]
    assert f"1. Edit {proto / V3}." in next_steps
    steps = ["make generate", "ordertrail schema check", "ordertrail schema lock", "Restart"]
    assert sorted(steps, key=next_steps.index) == steps


def test_json_output_is_one_object(proto: Path) -> None:
    assert json.loads(new("BasketFilled", "--json").output) == {
        "message": "ordertrail.events.v3.BasketFilled",
        "predecessor": "ordertrail.events.v2.BasketFilled",
        "file": V3,
        "copied": ["Look", "Thing", "Wrapping"],
        "kept": [],
        "case": "basket_filled_v3",
        "number": 50,
        "record_file": RECORD,
    }


def test_refusal_is_one_sentence_with_exit_code_1(proto: Path) -> None:
    result = new("BasketFiled")
    assert result.exit_code == 1
    assert result.output == "Error: There is no event BasketFiled. There are BasketEmptied, BasketFilled.\n"
