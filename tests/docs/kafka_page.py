"""docs/kafka.md, taken apart: what it tells its reader to set, to run and to write."""

import re

from tests.docs.pages import ROOT, blocks, table

PAGE = ROOT / "docs" / "kafka.md"


def security_settings(secrets: dict[str, str]) -> list[dict[str, str]]:
    """Return the environment of each secured set-up; `secrets` has what stands for each of the page's placeholders."""
    found = [block for block in blocks(PAGE, "sh") if "SECURITY_PROTOCOL" in block]
    return [dict(re.findall(r"^export (\w+)=(.*)$", _told(block, secrets), re.MULTILINE)) for block in found]


def rights(role: str, on: str) -> list[str]:
    """Return what the page says that a server of this role may do to the topic, or the group, by librdkafka's names."""
    rows = [(operations, whose) for what, operations, whose in table(PAGE, "on") if what.startswith(f"the {on}")]
    named = [operations for operations, whose in rows if whose in (role, "every role")]
    return [re.sub(r"(?<!^)([A-Z])", r"_\1", name).upper() for name in ", ".join(named).split(", ")]


def command(program: str) -> str:
    """Return the one line of the page that begins with this program."""
    [line] = [line for block in blocks(PAGE, "sh") for line in block.splitlines() if line.startswith(f"{program} ")]
    return line


def _told(block: str, secrets: dict[str, str]) -> str:
    for placeholder, secret in secrets.items():
        block = block.replace(placeholder, secret)
    return block
