"""The drill of docs/backup.md: back up, lose the disk, restore, audit, and go on. It prints what the page shows."""

import shutil

from tests.docs.output_match import find_mismatch
from tests.docs.pages import ROOT, console_commands
from tests.docs.reader import Reader

PAGE = ROOT / "docs" / "backup.md"
LOSS, RESTORE, START = "rm -r data", "ordertrail restore", "ordertrail serve"
STEPS = {"ordertrail backup", "rm -r", RESTORE, START, "ordertrail audit"}


async def run_drill_command(reader: Reader, command: str) -> str:
    """Run a command of the page. Those between the loss and the start run without a server."""
    if command == LOSS:
        assert reader.server.stop() == 0
        shutil.rmtree(reader.server.data)
    elif command.startswith(START):
        reader.server.start()
    elif command.startswith(RESTORE):
        return reader.run_offline(command)
    else:
        return await reader.run_command(command)
    return ""


async def test_drill_of_the_page_restores_what_was_backed_up(reader: Reader) -> None:
    commands = console_commands(PAGE)
    for command, output in commands:
        text = await run_drill_command(reader, command)
        assert find_mismatch(output, text) is None, f"{command}\nprinted\n{text}"
    programs = [" ".join(command.split()[:2]) for command, _ in commands]
    assert [
        name for name in programs if name in {"ordertrail backup", "rm -r", RESTORE, START, "ordertrail audit"}
    ] == [
        "ordertrail backup",
        "ordertrail backup",
        "rm -r",
        RESTORE,
        START,
        "ordertrail audit",
    ]
    assert len((await reader.run_command("ordertrail orders --json")).splitlines()) == 25
    assert '"mails"' in await reader.run_command("ordertrail subscriptions list --json")
    assert reader.server.faults == []
