"""What `ordertrail export` prints."""

import json
import re
from pathlib import Path

import pytest
from tests.cli.command_line import ENVIRONMENT, CommandLine
from tests.e2e.parked import build_parked_log
from tests.projections.log_builder import write_log

NOBODY = CommandLine("127.0.0.1:1")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a stopped server with parked orders."""
    data = tmp_path_factory.mktemp("stopped") / "data"
    data.mkdir()
    write_log(data, build_parked_log().records[0])
    assert NOBODY.run("rebuild", "--data", str(data)).returncode == 0
    return data


def test_summary_names_rows_position_and_parked_orders(data: Path, tmp_path: Path) -> None:
    result = NOBODY.run("export", "--data", str(data), "--to", str(tmp_path), "--format", "csv")
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(
        r"4 order_versions, 6 line_versions, 4 events, [0-9.]+ seconds\nas of offset 10 of partition 0\ntoken \S+\n",
        result.stdout,
    )
    assert result.stderr.splitlines() == [
        f"Order {name} is parked, so events of it are skipped. `ordertrail parked show {name}` shows the reason."
        for name in ("first", "newer")
    ]


def test_json_summary_is_that_of_the_file(data: Path, tmp_path: Path) -> None:
    [summary] = NOBODY.lines("export", "--data", str(data), "--to", str(tmp_path))
    assert summary.pop("seconds") > 0
    assert summary == json.loads((tmp_path / "export.json").read_text())
    assert summary["parkedOrders"] == ["first", "newer"]


def test_parquet_without_pyarrow_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ModuleNotFoundError(\"No module named 'pyarrow'\", name='pyarrow')")
    environment = {"PYTHONPATH": f"{tmp_path}:{ENVIRONMENT['PYTHONPATH']}"}
    arguments = ("export", "--data", str(data), "--to", str(tmp_path / "export"), "--format", "parquet")
    result = NOBODY.run_as(environment, *arguments)
    assert result.returncode == 1
    assert result.stderr.decode() == (
        "Error: Parquet files need the package pyarrow, which cannot be imported (No module named 'pyarrow'). Install "
        "it: in a checkout of Ordertrail run `pip install '.[parquet]'`.\n"
    )
    assert not (tmp_path / "export").exists()


def test_directory_of_a_server_without_timeline_is_refused(tmp_path: Path) -> None:
    write_log(tmp_path, build_parked_log().records[0])
    assert NOBODY.run("rebuild", "--data", str(tmp_path), "--no-timeline").returncode == 0
    result = NOBODY.run("export", "--data", str(tmp_path), "--to", str(tmp_path / "export"))
    assert result.returncode == 1
    assert result.stderr == (
        f"Error: {tmp_path} has no projection timeline of this release. Start its server with the timeline (without "
        "--no-timeline), or stop it and run `ordertrail rebuild`; beside a server of another release, run `ordertrail "
        "prepare`.\n"
    )
