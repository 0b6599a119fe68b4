"""Run an `ordertrail` command as a user who may not write to a data directory.

Arguments: a data directory for a first run of the command, which imports all modules; then the command, whose data
directory is the environment's ORDERTRAIL_READ_ONLY. Root becomes another user in between; any other user, who owns the
directory, has taken the permission to write from himself.
"""

import os
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO

from ordertrail_server.cli.main import ordertrail

NOBODY = 65534


def run(command: list[str], data: str) -> None:
    ordertrail([command[0], "--data", data, *command[1:]])


if __name__ == "__main__":
    rehearsal, *command = sys.argv[1:]
    # Also on a directory that is missing: the other user may not be able to read the modules that print a usage error.
    for directory in (rehearsal, f"{rehearsal}-missing"):
        with suppress(SystemExit), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            run([argument for argument in command if argument != "--follow"], directory)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    run(command, os.environ["ORDERTRAIL_READ_ONLY"])
