"""Every command that the documents show is run against a server, and prints what they show."""

import sys
from pathlib import Path

import pytest
from tests.docs.likeness import missing
from tests.docs.pages import README, ROOT, blocks, shown
from tests.docs.reader import SHOWN_ADDRESS, STARTS, Reader
from tests.e2e.running_server import RunningServer

TOUR, IMPORTING, OPERATIONS = (ROOT / "docs" / f"{name}.md" for name in ("tour", "importing", "operations"))


async def type_all(page: Path, reader: Reader) -> int:
    typed = 0
    for command, output in shown(page):
        if command.startswith(STARTS):
            continue  # the reader has done so already
        printed = await reader.types(command)
        assert missing(output, printed) is None, f"{page.name}: {command}\nprinted\n{printed}"
        typed += 1
    return typed


@pytest.mark.parametrize(("page", "count"), [(README, 3), (TOUR, 14)], ids=["README", "tour"])
async def test_page_shows_the_output_of_its_commands(page: Path, count: int, reader: Reader) -> None:
    assert await type_all(page, reader) == count


async def test_old_orders_come_in_as_it_is_shown(reader: Reader) -> None:
    assert await type_all(IMPORTING, reader) == 1


async def test_what_is_shown_to_operators_goes_so_and_a_backup_can_be_served(reader: Reader, tmp_path: Path) -> None:
    await reader.types("ordertrail produce 20 --life 0")
    assert await type_all(OPERATIONS, reader) == 3
    restored = tmp_path / "restored"
    restored.mkdir()
    (tmp_path / "backup.sqlite").rename(restored / "log.sqlite")
    reader.server = RunningServer(restored).start()
    assert len((await reader.types("ordertrail orders --json")).splitlines()) == 20


async def test_the_python_of_the_readme_prints_what_is_shown(reader: Reader) -> None:
    [program], [output] = blocks(README, "python"), blocks(README, "text")
    assert reader.runs([sys.executable, "-c", program.replace(SHOWN_ADDRESS, reader.server.address)]) == output


async def test_every_file_that_a_server_makes_is_documented(reader: Reader) -> None:
    await reader.types("ordertrail produce 20")
    documented = (ROOT / "docs" / "architecture.md").read_text()
    for path in reader.server.data.rglob("*"):
        name = path.relative_to(reader.server.data).as_posix().removesuffix("-wal").removesuffix("-shm")
        known = "read-model/order-history-….sqlite" if name.startswith("read-model/") else name
        assert f"`{known}`" in documented or path.is_dir(), f"{name} is not in docs/architecture.md"
