from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine, serve_directory


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ordertrail") / "data"


@pytest.fixture(scope="session")
def ordertrail(data: Path) -> Iterator[CommandLine]:
    with serve_directory(data) as address:
        yield CommandLine(address)
