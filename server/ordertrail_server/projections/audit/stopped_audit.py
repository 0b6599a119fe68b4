"""Audits the projections of a stopped server, in this process."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ordertrail.v1.projection_audit_pb2 import AuditReport
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.projections.audit.audit import Audit
from ordertrail_server.projections.audit.audit_messages import Send
from ordertrail_server.projections.audit.scratch_directory import remove_leftover_audits, scratch_directory
from ordertrail_server.projections.catalog import TIMELINE, added_projections, own_names
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.directory import create_directory


def audit_stopped(data_dir: Path, names: Sequence[str], send: Send) -> AuditReport:
    """Audit projections of a stopped server on an embedded log, all of them without `names`, and return the report.

    The caller holds the data directory's lock. `send` gets the messages. Raises DataDirectoryRefused, LogRefused,
    LogUnavailable, AuditRefused, sqlite3.Error and OSError.
    """
    return asyncio.run(_audit(DataDirectory(data_dir), names, send))


async def _audit(data: DataDirectory, names: Sequence[str], send: Send) -> AuditReport:
    log = EmbeddedLog.follow(data.path)
    try:
        create_directory(data.projections)
        remove_leftover_audits(data.projections)
        with scratch_directory(data.projections) as scratch:
            return await Audit(log, data.projections, scratch, names or _list_names(data.projections), send).run()
    finally:
        await log.close()


def _list_names(directory: Path) -> list[str]:
    """Return all projections. The server need not have kept `timeline`."""
    has_timeline = live_generation(directory, TIMELINE).exists()
    return [*own_names(has_timeline=has_timeline), *added_projections()]
