"""A server's way to the simulated log: every call waits until the simulation lets something happen to it.

An answer to `end` or `read` shows the log at some moment between the call and the answer. A record that was sent may
land at once or late, twice or never, whatever its sender is told. Without `atomic` each record has its own fate, and
those of others land in between. With `atomic` a batch lands whole or not at all, before its sender (or the sender's
successor) does anything else: so does the embedded log, which one process writes.
"""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.commands.simulation.log import SimulatedLog
from tests.log.memory import MemoryLog

from ordertrail_server.log.port import AppendUncertain, Entry, Logged, LogUnavailable


@dataclass(eq=False)
class Question:
    """A call of `end` or `read`; what it `saw` of the log is not told at once."""

    look: Callable[[], Any]
    answer: Future[Any]
    saw: list[Any] = field(default_factory=list)


@dataclass(eq=False)
class Sending:
    """A call of `append`. `rest` are the entries whose fate is open, `offsets` those of the landed ones."""

    entries: Sequence[Entry]
    rest: list[Entry]
    answer: Future[list[int]]
    offsets: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Waiting:
    """A call of `wait`: it is answered once the end lies beyond `offset`, but perhaps long after."""

    offset: int
    answer: Future[None]


Call = Question | Sending | Waiting


class Connection:
    """One server's way to the log. When `prompt`, every call is answered at once, as on a log without troubles."""

    topic, partitions, stale_seconds = MemoryLog.topic, 1, 0.0

    def __init__(self, log: SimulatedLog, known: int = 0) -> None:
        self.log, self.identity, self.atomic = log, log.stored.identity, log.stored.atomic
        self.end_is_current = not log.stale
        self.calls: list[Call] = []
        self.prompt = False
        self._known = known

    async def end(self, partition: int, known: int = 0) -> int:
        assert partition == 0
        known = max(known, self._known)
        return self._learn(await self._ask(lambda: self.log.end() if self.prompt else self.log.end_told(known)))

    def _learn(self, end: int) -> int:
        self._known = max(self._known, end)
        return end

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        assert partition == 0
        most = limit if self.prompt else self.log.random.randint(1, 4)
        found: list[Logged] = await self._ask(lambda: self.log.records[offset : offset + min(limit, most)])
        self._learn(offset + len(found))
        return found

    async def _ask(self, look: Callable[[], Any]) -> Any:
        if self.prompt:
            return look()
        question = Question(look, get_running_loop().create_future())
        self.calls.append(question)
        return await question.answer

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        assert partition == 0
        sending = Sending(entries, list(entries), get_running_loop().create_future())
        self.calls.append(sending)
        offsets = await sending.answer
        self._learn(max(offsets) + 1)
        return offsets

    def gap_end(self, partition: int, offset: int) -> int:
        return offset

    async def wait(self, partition: int, offset: int) -> None:
        assert partition == 0
        waiting = Waiting(offset, get_running_loop().create_future())
        self.calls.append(waiting)
        await waiting.answer

    async def close(self) -> None:
        """Break off: nothing is answered any more, but what was sent may land."""
        for call in self.calls:
            if isinstance(call, Sending) and self.log.random.random() < 0.7:
                self._let_go(call)
        self.calls.clear()

    def _let_go(self, call: Sending) -> None:
        if self.atomic:
            for entry in call.rest:
                self.log.land(entry)
        else:
            self.log.late.extend(call.rest)

    # What the simulation lets happen

    @property
    def open_calls(self) -> list[Call]:
        """The calls to which something may happen now."""
        end = self.log.end()
        return [call for call in self.calls if not isinstance(call, Waiting) or call.offset < end]

    def go_on(self, call: Call, faults: bool) -> None:
        """Let the next thing happen to a call; without faults, what ought to."""
        if isinstance(call, Waiting):
            self._done(call, LogUnavailable() if faults and self.log.random.random() < 0.05 else None)
        elif isinstance(call, Question):
            self._answer(call, faults)
        elif self.atomic:
            self._commit(call, faults)
        elif call.rest:
            self._send_next(call, faults)
        else:
            self._report(call, faults)

    def _answer(self, call: Question, faults: bool) -> None:
        roll = self.log.random.random() if faults else 1.0
        if roll < 0.02:
            self._done(call, LogUnavailable())
        elif not call.saw and roll < 0.5:
            call.saw.append(call.look())
        else:
            self._done(call, call.saw[0] if call.saw else call.look())

    def _commit(self, call: Sending, faults: bool) -> None:
        roll = self.log.random.random() if faults else 1.0
        if roll < 0.05:
            self._done(call, LogUnavailable())
        elif roll < 0.15:
            self._done(call, AppendUncertain())
        else:
            offsets = [self.log.land(entry) for entry in call.entries]
            self._done(call, AppendUncertain() if roll < 0.3 else offsets)

    def _send_next(self, call: Sending, faults: bool) -> None:
        roll = self.log.random.random() if faults else 1.0
        if roll < 0.03 and len(call.rest) == len(call.entries):
            self._done(call, LogUnavailable())
            return
        entry = call.rest.pop(0)
        if roll >= 0.2:
            call.offsets.append(self.log.land(entry))
        if 0.1 <= roll < 0.3:
            self.log.late.append(entry)

    def _report(self, call: Sending, faults: bool) -> None:
        unknown = len(call.offsets) < len(call.entries) or (faults and self.log.random.random() < 0.1)
        self._done(call, AppendUncertain() if unknown else call.offsets)

    def _done(self, call: Call, outcome: Any) -> None:
        self.calls.remove(call)
        if call.answer.done():
            return
        if isinstance(outcome, Exception):
            call.answer.set_exception(outcome)
        else:
            call.answer.set_result(outcome)
