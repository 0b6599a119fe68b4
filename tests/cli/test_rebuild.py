"""`ordertrail rebuild` as an operator uses it."""

import json
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine, serving
from tests.projections.story import CONFIRMED, PLACED, Story, write_log

NOBODY = CommandLine("127.0.0.1:1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A stopped directory with two orders whose chain is broken, and one with facts of a newer release."""
    story = Story()
    story.fact("fine", PLACED)
    story.fact("newer", PLACED)
    story.future("newer")
    story.fact("newer", CONFIRMED)
    story.fact("broken", PLACED)
    story.broken("broken")
    story.fact("broken", CONFIRMED)
    story.broken("never begun")
    write_log(tmp_path, story.records[0])
    return tmp_path


def test_rebuild_counts_agree_with_parked_list(data: Path) -> None:
    result = NOBODY.run("rebuild", "--data", str(data), "--json")
    counts = json.loads(result.stdout)
    with serving(data) as address:
        listed = CommandLine(address).lines("parked", "list")
    assert [order["orderId"] for order in listed] == ["newer", "broken", "never begun"]
    assert counts["parked"] == len(listed)
    assert counts["waiting"] == sum(int(order.get("waitingCount", 0)) for order in listed) == 3
    assert counts["events"] + counts["not_facts"] + counts["waiting"] == counts["records"] == 8
