"""The audits of a server: one at a time, and none that nobody reads."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_AUDIT_RUNNING
from ordertrail_server.log.source import LogSource
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.projections.audit.audit_process import AuditProcess, OnDamage

UNREAD_SECONDS = 600.0
"""How long an audit waits for a caller that does not read its messages."""


class RunningAudit:
    """Runs audits of one data directory, one at a time. For one event loop.

    `on_damage` is called with each damaged file that an audit meets.
    """

    def __init__(self, source: LogSource, directory: Path, on_damage: OnDamage) -> None:
        self._source, self._directory, self._on_damage = source, directory, on_damage
        self._process: AuditProcess | None = None

    @property
    def is_running(self) -> bool:
        """True while an audit runs and its messages are read."""
        return self._process is not None

    async def run(self, names: Sequence[str]) -> AsyncGenerator[bytes, None]:
        """Audit projections and yield the messages, serialized. If the caller closes this, the audit ends.

        Raises Refused (AUDIT_RUNNING) while another audit runs, (UNAVAILABLE) if it cannot run or the server stops.
        """
        if self.is_running:
            reason = "Another audit of this server is running, and it runs one at a time."
            raise Refused(Refusal(ERROR_REASON_AUDIT_RUNNING, reason))
        process = self._process = AuditProcess(self._source, self._directory, names, self._on_damage)
        loop = asyncio.get_running_loop()
        try:
            async with aclosing(process.messages()) as messages:
                async for message in messages:
                    timer = loop.call_later(UNREAD_SECONDS, self._end, process)
                    try:
                        yield message
                    finally:
                        timer.cancel()
        finally:
            self._end(process)

    def stop(self) -> None:
        """End the running audit, because the server stops."""
        if self._process is not None:
            self._process.kill()

    def _end(self, process: AuditProcess) -> None:
        process.kill()
        if self._process is process:
            self._process = None
