"""No statement of the server has a LIMIT for which SQLite would prepare it again at each execution."""

import re
from pathlib import Path

import ordertrail_server
from ordertrail_server.storage.row_limit import LAST_LIMIT, NAMED_LIMIT

BARE_PARAMETER = re.compile(r"LIMIT [?:@$]\w*(?!\w| \+)")


def find_bare_limits(text: str) -> list[str]:
    return BARE_PARAMETER.findall(text)


def test_bare_parameters_are_found() -> None:
    assert find_bare_limits("LIMIT ? LIMIT ?3, LIMIT :limit) LIMIT :n OFFSET 1") == [
        "LIMIT ?",
        "LIMIT ?3",
        "LIMIT :limit",
        "LIMIT :n",
    ]
    assert find_bare_limits(f"{NAMED_LIMIT} {LAST_LIMIT} LIMIT 1") == []


def test_no_statement_limits_its_rows_by_a_bare_parameter() -> None:
    sources = sorted(Path(ordertrail_server.__file__).parent.rglob("*.py"))
    assert len(sources) > 300
    assert [str(source) for source in sources if find_bare_limits(source.read_text())] == []
