"""A server's connection to the simulated log. Every call waits until the simulation advances it.

The faults:

- `end` and `read` answer with the log as it was at some moment between the call and the answer.
- A record may be appended at once, later, twice or never, and its sender may get any answer.
- Any call may fail as unavailable.

If the log is not atomic, each record of an append has its own outcome, and records of other servers may be stored in
between. If it is atomic, an append stores all its records or none, before its server or the server's successor does
anything else. The embedded log, which has one writing process, does the same.
"""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.commands.simulation.simulated_log import SimulatedLog
from tests.log.memory import MemoryLog

from ordertrail_server.log.port import AppendLog, AppendUncertain, Entry, Logged, LogUnavailable


@dataclass(eq=False)
class ReadCall:
    """A call of `end` or `read`. `observed` has its result if it was evaluated before it is answered."""

    evaluate: Callable[[], Any]
    answer: Future[Any]
    observed: list[Any] = field(default_factory=list)


@dataclass(eq=False)
class AppendCall:
    """A call of `append`: `pending` are the entries without an outcome, `offsets` those of the appended ones."""

    entries: Sequence[Entry]
    pending: list[Entry]
    answer: Future[list[int]]
    offsets: list[int] = field(default_factory=list)


@dataclass(eq=False)
class WaitCall:
    """A call of `wait`. It may be answered once the log's end is greater than `offset`, or much later."""

    offset: int
    answer: Future[None]


Call = ReadCall | AppendCall | WaitCall


class Connection:
    """One server's connection to the log. If `answers_at_once`, every call succeeds immediately."""

    topic, partitions = MemoryLog.topic, 1
    commands: AppendLog | None = None

    def __init__(self, log: SimulatedLog) -> None:
        self.log, self.identity, self.lineage = log, log.stored.identity, log.stored.lineage
        self.capabilities = replace(log.stored.capabilities, current_end=not log.has_stale_ends)
        self.calls: list[Call] = []
        self.answers_at_once = False
        self._known_end = 0

    async def end(self, partition: int, at_least: int = 0) -> int:
        assert partition == 0
        oldest = max(at_least, self._known_end)
        end = await self._query(lambda: self.log.end() if self.answers_at_once else self.log.choose_end(oldest))
        return self._raise_known_end(end)

    def _raise_known_end(self, end: int) -> int:
        self._known_end = max(self._known_end, end)
        return end

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        assert partition == 0
        limit = limit if self.answers_at_once else min(limit, self.log.random.randint(1, 4))
        records: list[Logged] = await self._query(lambda: self.log.records[offset : offset + limit])
        self._raise_known_end(offset + len(records))
        return records

    async def _query(self, evaluate: Callable[[], Any]) -> Any:
        if self.answers_at_once:
            return evaluate()
        call = ReadCall(evaluate, get_running_loop().create_future())
        self.calls.append(call)
        return await call.answer

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        assert partition == 0
        call = AppendCall(entries, list(entries), get_running_loop().create_future())
        self.calls.append(call)
        offsets = await call.answer
        self._raise_known_end(max(offsets) + 1)
        return offsets

    def skip_gap(self, partition: int, offset: int) -> int:
        return offset

    async def wait(self, partition: int, offset: int) -> None:
        assert partition == 0
        call = WaitCall(offset, get_running_loop().create_future())
        self.calls.append(call)
        await call.answer

    async def close(self) -> None:
        """Disconnect: no call is answered any more, but records that were sent may still be appended."""
        for call in self.calls:
            if isinstance(call, AppendCall) and self.log.random.random() < 0.7:
                self._leave_in_flight(call)
        self.calls.clear()

    def _leave_in_flight(self, call: AppendCall) -> None:
        if self.capabilities.atomic_append:
            for entry in call.pending:
                self.log.append(entry)
        else:
            self.log.delayed.extend(call.pending)

    # For the simulation

    @property
    def open_calls(self) -> list[Call]:
        """The calls that can be advanced now."""
        end = self.log.end()
        return [call for call in self.calls if not isinstance(call, WaitCall) or call.offset < end]

    def advance(self, call: Call, faults: bool) -> None:
        """Take the next step of a call, with random faults or as on a healthy log."""
        if isinstance(call, WaitCall):
            self._finish(call, LogUnavailable() if faults and self.log.random.random() < 0.05 else None)
        elif isinstance(call, ReadCall):
            self._answer(call, faults)
        elif self.capabilities.atomic_append:
            self._commit(call, faults)
        elif call.pending:
            self._send_next(call, faults)
        else:
            self._report(call, faults)

    def _answer(self, call: ReadCall, faults: bool) -> None:
        roll = self.log.random.random() if faults else 1.0
        if roll < 0.02:
            self._finish(call, LogUnavailable())
        elif not call.observed and roll < 0.5:
            call.observed.append(call.evaluate())
        else:
            self._finish(call, call.observed[0] if call.observed else call.evaluate())

    def _commit(self, call: AppendCall, faults: bool) -> None:
        roll = self.log.random.random() if faults else 1.0
        if roll < 0.05:
            self._finish(call, LogUnavailable())
        elif roll < 0.15:
            self._finish(call, AppendUncertain())
        else:
            offsets = [self.log.append(entry) for entry in call.entries]
            self._finish(call, AppendUncertain() if roll < 0.3 else offsets)

    def _send_next(self, call: AppendCall, faults: bool) -> None:
        roll = self.log.random.random() if faults else 1.0
        if roll < 0.03 and len(call.pending) == len(call.entries):
            self._finish(call, LogUnavailable())
            return
        entry = call.pending.pop(0)
        if roll >= 0.2:
            call.offsets.append(self.log.append(entry))
        if 0.1 <= roll < 0.3:
            self.log.delayed.append(entry)

    def _report(self, call: AppendCall, faults: bool) -> None:
        unknown = len(call.offsets) < len(call.entries) or (faults and self.log.random.random() < 0.1)
        self._finish(call, AppendUncertain() if unknown else call.offsets)

    def _finish(self, call: Call, outcome: Any) -> None:
        self.calls.remove(call)
        if call.answer.done():
            return
        if isinstance(outcome, Exception):
            call.answer.set_exception(outcome)
        else:
            call.answer.set_result(outcome)
