"""The code and the commands of docs/side-effects.md are those of examples/mails."""

import re

from tests.docs.pages import ROOT, read_blocks

PAGE, EXAMPLE = ROOT / "docs" / "side-effects.md", ROOT / "examples" / "mails"
COMMANDS = re.compile(r"^    (?:ordertrail|python) .+$", re.MULTILINE)


def test_code_of_the_page_is_in_the_example() -> None:
    program = (EXAMPLE / "shipment_mails.py").read_text()
    blocks = read_blocks(PAGE, "python")
    assert len(blocks) == 3
    for block in blocks:
        assert block in program


def test_commands_of_the_page_are_those_of_the_readme_of_the_example() -> None:
    commands = COMMANDS.findall(PAGE.read_text())
    assert len(commands) == 2
    assert COMMANDS.findall((EXAMPLE / "README.md").read_text())[:2] == commands
