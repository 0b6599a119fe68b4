"""The audit: folds the log afresh, and compares every live generation with the result as of one position of the log.

The live generations go on meanwhile, so each is copied (live_copy.py), and the new fold ends exactly where the copy
does. What the present log cannot show by itself, such as a record that was rewritten together with its successors, is
found because the projections kept the digests of the records that they folded.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import disk_usage

from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail_server.log.port import Log, LogDamaged, LogUnavailable
from ordertrail_server.log.token import write_token
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.audit.audit_messages import AuditMessages, Send
from ordertrail_server.projections.audit.compared_projection import ComparedProjection
from ordertrail_server.projections.audit.counts import count_messages
from ordertrail_server.projections.audit.finding import SAMPLES, LogName, record_findings
from ordertrail_server.projections.audit.fresh_fold import FreshFold, Offsets
from ordertrail_server.projections.audit.live_copy import (
    LiveDamaged,
    copy_live_file,
    read_live_offsets,
    reporting_copy_damage,
)
from ordertrail_server.projections.audit.live_generations import LiveGenerations
from ordertrail_server.projections.build_pace import BuildPace
from ordertrail_server.storage.database_file import remove_database
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import may_pass

SPARE_BYTES = 64 << 20
"""The disk space that an audit leaves free at its beginning."""

WAITS, WAIT_SECONDS = 10, 0.1
"""How long an audit waits for a live generation that is behind the ones compared before. It may have stopped there."""

OnDamage = Callable[[Path, str], None]


class AuditRefused(OperatorError):
    """The audit cannot run. The message says why."""


class Audit:
    """One audit of the projections `names` in `directory`. Its own files are in `scratch`, which the caller removes.

    `send` gets its messages, and `on_damage` each damaged file. If `pace` is given, it gives way to commands.
    """

    def __init__(
        self,
        log: Log,
        directory: Path,
        scratch: Path,
        names: Sequence[str],
        send: Send,
        on_damage: OnDamage = lambda file, damage: None,
        pace: BuildPace | None = None,
    ) -> None:
        self._log, self._directory, self._scratch, self._names = log, directory, scratch, names
        self._on_damage, self._pace = on_damage, pace
        self._live = LiveGenerations(directory)
        self._messages = AuditMessages(send)
        self._fresh = FreshFold(log, scratch, names, pace, self._messages.note_folded)

    async def run(self) -> messages.AuditReport:
        """Run the audit, and return its report, which is also the last message.

        Raises AuditRefused, LogUnavailable, sqlite3.Error and OSError, as for a full disk.
        """
        offsets = self._read_offsets()
        self._messages.total_count = max((sum(ends.values()) for ends in offsets.values()), default=0)
        try:
            await self._fresh.open()
            # The projections that lag are compared before the fold passes them.
            for name in sorted(offsets, key=lambda name: self._place_of(name, offsets[name])):
                await self._compare(name, offsets[name])
            if not offsets:  # the chains are verified even if no projection can be compared
                await self._fresh.fold_together({p: await self._log.end(p) for p in range(self._log.partitions)})
            self._add_records()
        except LogDamaged as damage:
            self._add_log_damage(damage, offsets)
        finally:
            self._fresh.close()
        self._messages.send_report(self._live.replaced_names())
        return self._messages.report

    def _place_of(self, name: str, offsets: Offsets) -> tuple[bool, int]:
        return not self._fresh.is_together(name), sum(offsets.values())

    def _read_offsets(self) -> dict[str, Offsets]:
        """Return the positions of the live generations that can be read. Raises AuditRefused without disk space."""
        offsets: dict[str, Offsets] = {}
        sizes: list[int] = []
        for name in self._names:
            with self._noting_failure(name):
                _, size = self._live.read(name, lambda file: file.stat().st_size)
                _, offsets[name] = self._live.read(name, read_live_offsets)
                sizes.append(size)
        needed_bytes = sum(sizes) + max(sizes, default=0) + SPARE_BYTES
        free_bytes = disk_usage(self._scratch).free
        if free_bytes < needed_bytes:
            raise AuditRefused(
                f"An audit needs {needed_bytes:,} bytes of disk space beside the projections, and {free_bytes:,} are "
                "free: make room, then audit again."
            )
        return offsets

    async def _compare(self, name: str, begin: Offsets) -> None:
        """Compare one projection; `begin` is the position of its live generation at the beginning."""
        with self._noting_failure(name):
            if self._fresh.is_together(
                name
            ):  # the long part of the fold comes before the copy, so that little is left after it
                await self._fresh.fold_together(begin)
            await self._wait_for_live(name)
            copy = self._scratch / f"{name}-copy.sqlite"
            generation, ends = self._live.read(name, partial(copy_live_file, copy=copy))
            fresh = await self._fresh.fold_exactly(name, ends)
            self._messages.begin_comparison(name)
            log = LogName(self._log.topic, self._log.partitions)
            comparison = ComparedProjection(name, log, self._pace, self._messages.send_finding)
            with reporting_copy_damage(copy, generation.file(self._directory)):
                tables = await comparison.compare(fresh, copy)
            remove_database(copy)
            # A changed file may name partitions that no log has.
            own_ends = {partition: end for partition, end in ends.items() if 0 <= partition < self._log.partitions}
            token = write_token(self._log.identity, own_ends)
            compared = messages.AuditedProjection(name=name, number=generation.number, consistency_token=token)
            compared.tables.extend(tables)
            self._messages.add_projection(compared)

    async def _wait_for_live(self, name: str) -> None:
        """Wait a little until a live generation includes what is folded, because a second fold would take long."""
        for _ in range(WAITS):
            if self._fresh.precedes(name, self._live.read(name, read_live_offsets)[1]):
                return
            await asyncio.sleep(WAIT_SECONDS)

    def _add_records(self) -> None:
        """Add the records that no order's chain explains, and the counts of all messages."""
        for number, finding in enumerate(record_findings(self._fresh.orders, self._log)):
            self._messages.add_finding(finding, is_sent=number < SAMPLES)
        self._messages.report.counts.CopyFrom(count_messages(self._fresh.orders))

    def _add_log_damage(self, damage: LogDamaged, names: Mapping[str, Offsets]) -> None:
        finding = messages.AuditFinding(kind=messages.AUDIT_FINDING_KIND_LOG_DAMAGED, detail=str(damage))
        self._messages.add_finding(finding)
        for name in sorted(names.keys() - {projection.name for projection in self._messages.report.projections}):
            self._add_uncompared(name, "the log is damaged")

    def _add_uncompared(self, name: str, reason: str) -> None:
        reason = reason.rstrip(".")
        self._messages.add_projection(messages.AuditedProjection(name=name, not_compared_reason=reason))

    @contextmanager
    def _noting_failure(self, name: str) -> Iterator[None]:
        """Note that a projection is not compared if its file is damaged or its code fails."""
        try:
            yield
        except LiveDamaged as damage:
            kind = messages.AUDIT_FINDING_KIND_FILE_DAMAGED
            self._messages.add_finding(messages.AuditFinding(kind=kind, projection=name, detail=str(damage)))
            self._on_damage(damage.path, str(damage))
            self._add_uncompared(name, "its file is damaged")
        except (LogDamaged, LogUnavailable):
            raise
        except OperatorError as error:
            self._add_uncompared(name, str(error))
        except sqlite3.OperationalError as error:
            if may_pass(error):  # as a full disk
                raise
            self._add_uncompared(name, f"it cannot be read: {error}")
