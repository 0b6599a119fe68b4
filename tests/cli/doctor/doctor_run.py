"""Runs `ordertrail doctor`, and the data directories that it examines."""

import json
from pathlib import Path
from time import time
from typing import NamedTuple

from click.testing import CliRunner
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder, write_log

from ordertrail_server.cli.main import ordertrail
from ordertrail_server.projections.rebuild import rebuild


class DoctorRun(NamedTuple):
    """The exit code, and the findings."""

    exit_code: int
    findings: list[dict[str, str]]

    def faults(self) -> list[tuple[str, str]]:
        """Return check and status of all findings that are not ok; each of them says how to fix it."""
        bad = [finding for finding in self.findings if finding["status"] != "ok"]
        assert all(finding["fix"] for finding in bad), bad
        return [(finding["check"], finding["status"]) for finding in bad]

    def text(self, check: str) -> str:
        """Return the sentences of a check."""
        return " ".join(finding["text"] for finding in self.findings if finding["check"] == check)


def run_doctor(data: Path, *options: str) -> DoctorRun:
    """Run the command on a data directory."""
    result = CliRunner().invoke(ordertrail, ["doctor", "--data", str(data), "--json", *options])
    assert not isinstance(result.exception, Exception), result.exception
    return DoctorRun(result.exit_code, [json.loads(line) for line in result.stdout.splitlines()])


def build_directory(data: Path, order_ids: list[str], seconds: float = -60.0) -> None:
    """Create a data directory with a log of two facts for each order, of some time from now, and its projections."""
    data.mkdir(mode=0o750)
    builder, now = LogBuilder(), int(time() + seconds)
    for event in (PLACED, CONFIRMED):
        for order_id in order_ids:
            builder.add_fact(order_id, event, now)
    write_log(data, builder.records[0])
    rebuild(data, lambda done, total: None)
