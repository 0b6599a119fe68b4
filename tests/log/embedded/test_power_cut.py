"""A log that a server opened survives a power cut under its name."""

from pathlib import Path

import pytest
from tests.log.embedded.power_cut import watch_syncs

from ordertrail_server.log.data_directory import open_to_serve


@pytest.mark.parametrize("directory", [".", "data", "far/away/data"])
async def test_new_log_and_its_parent_directories_are_durable(tmp_path: Path, directory: str) -> None:
    data = tmp_path / directory
    with watch_syncs() as names:
        await open_to_serve(data).close()
    assert names.survives(data / "log.sqlite", below=tmp_path)


async def test_file_name_without_sync_does_not_survive_a_power_cut(tmp_path: Path) -> None:
    with watch_syncs() as names:
        await open_to_serve(tmp_path / "data").close()
        later = tmp_path / "data" / "later"
        later.touch()
        log = tmp_path / "data" / "log.sqlite"
        later.replace(log)
    assert not names.survives(log, below=tmp_path)
