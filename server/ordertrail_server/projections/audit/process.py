"""An audit as a separate process, so that it takes no CPU time from the commands' process.

    python -m ordertrail_server.projections.audit.process SOURCE NAMES SCRATCH

SOURCE is the log as JSON (LogSource.to_json), NAMES are the projections, separated by commas, and SCRATCH is a
directory for its own files, which the server removes. It reports on stdout (frames.py) and ends with 0 after its
report. The end of stdin means that the caller or the server has gone. It then ends at once, and removes SCRATCH itself.
If it cannot run, it ends with REFUSED or AGAIN (exit_code.py) and one line on stderr.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from threading import Thread

from ordertrail.v1.projection_audit_pb2 import AuditProjectionsResponse
from ordertrail_server.garbage_collector import tune_garbage_collector
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.log.source import LogSource, parse_source
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.audit.audit import Audit
from ordertrail_server.projections.audit.frames import DAMAGE, MESSAGE, Frame, write_frame
from ordertrail_server.projections.audit.scratch_directory import remove_scratch_directory
from ordertrail_server.projections.build_pace import BuildPace, lower_priority
from ordertrail_server.projections.child_pipes import claim_pipes
from ordertrail_server.projections.exit_code import AGAIN, REFUSED
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import OutOfDescriptors, may_pass


async def run(source: LogSource, names: list[str], scratch: Path, report_pipe: int) -> None:
    """Run the audit and write its messages to the pipe. Raises what Audit.run and the log raise."""

    def send(message: AuditProjectionsResponse) -> None:
        _write(report_pipe, Frame(MESSAGE, message.SerializeToString()))

    def report_damage(file: Path, damage: str) -> None:
        _write(report_pipe, Frame(DAMAGE, json.dumps({"file": str(file), "damage": damage}).encode()))

    log = await source.follow()
    try:
        tune_garbage_collector()
        directory = DataDirectory(source.data).projections
        await Audit(log, directory, scratch, names, send, report_damage, BuildPace(log)).run()
    finally:
        await log.close()


def _write(pipe: int, frame: Frame) -> None:
    # A caller that does not read blocks the audit here. It holds no lock and no transaction of a live file.
    remaining_bytes = memoryview(write_frame(frame))
    while remaining_bytes:
        remaining_bytes = remaining_bytes[os.write(pipe, remaining_bytes) :]


def _end_with_parent(requests: int, scratch: Path) -> None:
    """Wait for the end of stdin in a thread: statements of SQLite may take seconds, and leave the loop no chance."""

    def wait() -> None:
        while os.read(requests, 4096):
            pass
        remove_scratch_directory(scratch)
        os._exit(0)

    Thread(target=wait, daemon=True).start()


def main() -> int:
    """Run the process and return its exit code."""
    requests, report_pipe = claim_pipes()
    lower_priority()
    source, names, scratch = parse_source(sys.argv[1]), sys.argv[2].split(","), Path(sys.argv[3])
    _end_with_parent(requests, scratch)
    try:
        asyncio.run(run(source, names, scratch, report_pipe))
    except BrokenPipeError:
        return 0
    except (LogUnavailable, OutOfDescriptors) as error:
        print(error, file=sys.stderr)
        return AGAIN
    except OperatorError as refusal:
        print(refusal, file=sys.stderr)
        return REFUSED
    except (OSError, sqlite3.OperationalError) as error:
        if not isinstance(error, OSError) and not may_pass(error):
            raise
        print(error, file=sys.stderr)
        return AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(main())
