"""Every console command of the documents prints the output that they show."""

import re
import sys
from pathlib import Path

import pytest
from tests.docs.output_match import find_mismatch
from tests.docs.pages import README, ROOT, console_commands, read_blocks
from tests.docs.reader import PAGE_ADDRESS, START_COMMANDS, Reader

TOUR, IMPORTING, OPERATIONS, SUBMITTED = (
    ROOT / "docs" / f"{name}.md" for name in ("tour", "importing", "operations", "command-sourcing")
)


async def run_console_commands(page: Path, reader: Reader) -> int:
    count = 0
    for command, output in console_commands(page):
        if command.startswith(START_COMMANDS):
            continue  # the reader's server runs already
        text = await reader.run_command(command)
        assert find_mismatch(output, text) is None, f"{page.name}: {command}\nprinted\n{text}"
        count += 1
    return count


@pytest.mark.parametrize(
    ("page", "count"), [(README, 3), (TOUR, 15), (SUBMITTED, 12)], ids=["README", "tour", "command-sourcing"]
)
async def test_documentation_page_shows_the_output_of_its_commands(page: Path, count: int, reader: Reader) -> None:
    assert await run_console_commands(page, reader) == count


async def test_import_page_shows_the_output_of_its_commands(reader: Reader) -> None:
    assert await run_console_commands(IMPORTING, reader) == 1


async def test_operations_page_shows_the_output_of_its_commands(reader: Reader) -> None:
    await reader.run_command("ordertrail produce 20 --life 0")
    assert await run_console_commands(OPERATIONS, reader) == 3


async def test_python_program_of_readme_prints_the_output_below_it(reader: Reader) -> None:
    [program], [output] = read_blocks(README, "python"), read_blocks(README, "text")
    assert reader.run_program([sys.executable, "-c", program.replace(PAGE_ADDRESS, reader.server.address)]) == output


async def test_every_file_that_a_server_creates_is_documented(reader: Reader) -> None:
    await reader.run_command("ordertrail produce 20")
    page = (ROOT / "docs" / "architecture.md").read_text()
    for path in reader.server.data.rglob("*"):
        name = re.sub(r"-(wal|shm|moved)$", "", path.relative_to(reader.server.data).as_posix())
        documented_name = re.sub(r"^(projections/\w+)-.*[.]sqlite$", r"\1-….sqlite", name)
        assert f"`{documented_name}`" in page or path.is_dir(), f"{name} is not in docs/architecture.md"
