"""A process that exports, and after each step prints a line and waits for one.

    python -m tests.export.blocked_export DATA TARGET FORMAT

It replaces an earlier export. It prints an error of the system, and exits with 1.
"""

import sys
from pathlib import Path

from ordertrail_server.cli.value_text import error_text
from ordertrail_server.export.export import export
from ordertrail_server.export.file_format import FileFormat


def wait_for_line(done: int, total: int) -> None:
    print("blocked", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    data, target, name = sys.argv[1:]
    try:
        export(Path(data), Path(target), FileFormat(name), wait_for_line, replaces=True)
    except OSError as error:
        sys.exit(error_text(error))
