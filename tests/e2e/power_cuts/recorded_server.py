"""A server that records what it does to the files of its log.

    python -m tests.e2e.power_cuts.recorded_server JOURNAL SYNCHRONOUS serve --data DIRECTORY …

SYNCHRONOUS is the setting of the log's writer: FULL, as in the product, or NORMAL, a fault.
"""

import sys
from pathlib import Path
from typing import Literal, cast

from tests.e2e.power_cuts.journal import JournalWriter
from tests.e2e.power_cuts.vfs_recorder import VfsRecorder

from ordertrail.entry_point import main
from ordertrail_server.log.embedded import appender
from ordertrail_server.storage.connection import Connection, connect_writer


def replace_synchronous(synchronous: Literal["FULL", "NORMAL"]) -> None:
    """Let the writer of the log open its file with this setting."""

    def connect(path: Path, _: str) -> Connection:
        return connect_writer(path, synchronous)

    appender.connect_writer = connect  # type: ignore[assignment, attr-defined]  # until the process ends


if __name__ == "__main__":
    _, journal, synchronous, *arguments = sys.argv
    directory = Path(arguments[arguments.index("--data") + 1])
    VfsRecorder(directory / "log.sqlite", JournalWriter(Path(journal))).install()
    replace_synchronous(cast("Literal['FULL', 'NORMAL']", synchronous))
    sys.argv = ["ordertrail", *arguments]
    main()
