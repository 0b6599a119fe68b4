"""`ordertrail rebuild` as an operator uses it."""

import json
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine, serve_directory
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder, write_log

from ordertrail_server.projections.catalog import OWN_NAMES

NOBODY = CommandLine("127.0.0.1:1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A stopped directory with two orders whose chain is broken, and one with facts of a newer release."""
    builder = LogBuilder()
    builder.add_fact("fine", PLACED)
    builder.add_fact("newer", PLACED)
    builder.add_future_event("newer")
    builder.add_fact("newer", CONFIRMED)
    builder.add_fact("broken", PLACED)
    builder.add_broken_record("broken")
    builder.add_fact("broken", CONFIRMED)
    builder.add_broken_record("never begun")
    write_log(tmp_path, builder.records[0])
    return tmp_path


def test_rebuild_counts_agree_with_parked_list(data: Path) -> None:
    result = NOBODY.run("rebuild", "--data", str(data), "--json")
    counts = json.loads(result.stdout)
    with serve_directory(data) as address:
        listed = CommandLine(address).lines("parked", "list")
    assert [order["orderId"] for order in listed] == ["newer", "broken", "never begun"]
    assert counts["parked"] == len(listed)
    assert counts["waiting"] == sum(int(order.get("waitingCount", 0)) for order in listed) == 3
    assert counts["events"] + counts["not_facts"] + counts["waiting"] == counts["records"] == 8


def test_rebuild_of_a_rebuilt_directory_reports_no_differences(data: Path) -> None:
    assert NOBODY.run("rebuild", "--data", str(data)).returncode == 0
    counts, *comparisons = NOBODY.run("rebuild", "--data", str(data)).stdout.splitlines()
    assert counts.startswith("8 records, ")
    assert [line.partition(": the same")[0] for line in comparisons] == [*OWN_NAMES]


def test_rebuild_beside_a_server_is_refused_or_done_by_that_server(data: Path) -> None:
    with serve_directory(data) as address:
        assert CommandLine(address).lines("parked", "list")
        refused = NOBODY.run("rebuild", "--data", str(data))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "`ordertrail projections rebuild NAME`" in refused.stderr
        rebuilt = NOBODY.run("rebuild", "--data", str(data), "--target", address, "--json")
        assert rebuilt.returncode == 0, rebuilt.stderr
        outcomes = list(map(json.loads, rebuilt.stdout.splitlines()))
        assert [(outcome["name"], outcome["isPromoted"], outcome["differenceCount"]) for outcome in outcomes] == [
            ("history", True, 0),
            ("orders", True, 0),
            ("product_totals", True, 0),
            ("timeline", True, 0),
        ]
        assert len(CommandLine(address).lines("parked", "list")) == 3
