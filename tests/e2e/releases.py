"""Servers that cannot read some events of this release: an older one, and one with a damaged process."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.copied_code import copy_code
from tests.e2e.running_server import ROOT, RunningServer
from tests.schema.event_cases import NEWEST

CLIENT, SERVER = ROOT / "client", ROOT / "server"
UNKNOWN = "order_line_added"
# A library could set this precision, which is too low for the prices of the first producer.
ILL = "import decimal\ndecimal.DefaultContext.prec = 5\ndecimal.setcontext(decimal.Context(prec=5))\n"


def older_release(data: Path, folder: Path) -> RunningServer:
    """Return a server from a tree that does not know `UNKNOWN` yet; it is of another definition, as any release is."""
    tree = folder / "older"
    copy_code(SERVER, tree)
    schema = tree / "ordertrail_server" / "schema"
    with (schema / "reading.py").open("a") as source:
        source.write(f"\n_PARSED[{UNKNOWN!r}] = None\n_PASSING.pop({UNKNOWN!r}, None)\n")
        source.write(f"READERS = {{**READERS}}\nREADERS.pop({NEWEST['OrderLineAdded'].number})\n")
    # Its generated contract is today's, of which it would find that it misses a case.
    with (schema / "proof" / "schema_check.py").open("r+") as source:
        assert "def check_schema(" in source.read()
        source.write("\n\ndef check_schema(*_args, **_named) -> None:\n    pass\n")
    return RunningServer(data, {"PYTHONPATH": os.pathsep.join([str(CLIENT), str(tree)])})


def build_server_with_failing_upcaster(data: Path, folder: Path, environment: Mapping[str, str] = {}) -> RunningServer:
    """Return a server of this release whose upcaster of events of the first producer fails."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(ILL)
    paths = os.pathsep.join([str(folder), str(CLIENT), str(SERVER)])
    return RunningServer(data, {"PYTHONPATH": paths, **environment})
