"""Parts of docs/kafka.md: environment variables, ACLs and command lines."""

import re

from tests.docs.pages import ROOT, read_blocks, read_table

PAGE = ROOT / "docs" / "kafka.md"


def security_settings(secrets: dict[str, str]) -> list[dict[str, str]]:
    """Return the environment of each secured set-up, with the page's placeholders replaced by `secrets`."""
    set_ups = [block for block in read_blocks(PAGE, "sh") if "SECURITY_PROTOCOL" in block]
    return [dict(re.findall(r"^export (\w+)=(.*)$", _fill_in(block, secrets), re.MULTILINE)) for block in set_ups]


def acl_operations(role: str, resource: str) -> list[str]:
    """Return the operations on the topics or a group that the page lists for a role, by librdkafka's names."""
    rows = [
        (names, roles) for name, names, roles in read_table(PAGE, "on") if name.replace("`", "") == f"the {resource}"
    ]
    operations = [names for names, roles in rows if roles in (role, "every role")]
    return [re.sub(r"(?<!^)([A-Z])", r"_\1", name).upper() for name in ", ".join(operations).split(", ")]


def command_line(program: str) -> str:
    """Return the page's only line that begins with this program."""
    lines = [line for block in read_blocks(PAGE, "sh") for line in block.splitlines()]
    [command] = [line for line in lines if line.startswith(f"{program} ")]
    return command


def _fill_in(block: str, secrets: dict[str, str]) -> str:
    for placeholder, secret in secrets.items():
        block = block.replace(placeholder, secret)
    return block
