"""Decides the submitted commands of one partition, on any server, each exactly once in effect.

A command is decided like any other attempt, with its request id: the first link with that id is the outcome, whichever
server appended it. So several servers may process one command. To save them the work, a server leaves the commands of
other servers alone for a while, and only looks for their outcomes.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from math import inf
from time import monotonic

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail_server.commands.attempt import Accepted, Answer, Attempt
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.facts.link import Link
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.log.position import LogPosition
from ordertrail_server.logs.call_fields import name_fields
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.submitted_command import SubmittedCommand, read_submitted
from ordertrail_server.submissions.allowance import Allowance
from ordertrail_server.submissions.command_index import CommandIndex, State
from ordertrail_server.submissions.command_log import Added, CommandLog
from ordertrail_server.submissions.decision_traces import DecisionTraces
from ordertrail_server.submissions.inbox import Inbox, Waiting
from ordertrail_server.submissions.outcome import find_outcome, is_repeated, private_request_id
from ordertrail_server.submissions.submission_observer import SubmissionObserver
from ordertrail_server.telemetry.process_tracing import find_tracing

_log = logging.getLogger(__name__)

IN_WORK = 1_000
"""The most commands that are decided at once."""

RATE, BURST = 100.0, 100
"""The decisions per second, and at once, beside submissions that are being stored: these have callers who wait."""

FRESH = 4_096
"""The most commands that are kept as they were submitted, so that they need not be read again."""

CAPACITY = 50_000
"""The most waiting commands that are kept in memory."""

AHEAD_NS = 60_000_000_000
"""Delayed commands are read from the index when they become due within this time."""

GRACE_S = 2.0
"""How long a command that another server stored is left to that server."""

PAUSE_S = 0.01
"""The pause before further commands are decided beside submissions."""

STOPPED_S = 1.0
"""The pause before the outcomes of stopped commands are looked for again."""

LOOK_S, RETRY_S, PARKED_S = 0.1, 0.2, 5.0
"""The pauses before an outcome is looked for again, before a retry, and before a retry of a parked order."""


class Processor:
    """Hands due commands to the writer. `on_change` gets the id of a command whose state has changed."""

    def __init__(
        self,
        handler: CommandHandler,
        commands: CommandLog,
        index: CommandIndex,
        now: Callable[[], int],
        on_change: Callable[[str], None],
        grace_s: float,
        observer: SubmissionObserver | None = None,
    ) -> None:
        self._handler, self._commands, self._index, tracing = handler, commands, index, find_tracing()
        self._traces = None if tracing is None else DecisionTraces(tracing)
        self._partition, self._observer = commands.partition, observer
        commands.on_added = self.add
        self._now, self._on_change, self._grace_s = now, on_change, grace_s
        self._inbox = Inbox(CAPACITY)
        self._foreign: dict[int, float] = {}
        self._fresh: dict[int, SubmittedCommand] = {}
        self._allowance = Allowance(RATE, BURST)
        self._in_work = 0
        self._wake = asyncio.Event()
        self._looked_at = 0.0
        self._decided: list[tuple[int, State]] = []
        self.stopped: dict[str, tuple[Waiting, str]] = {}
        """{command id: the command and the reason} of commands that cannot be decided."""

    def add(self, added: Added) -> None:
        """Add a new command."""
        waiting, command, is_own = added
        if self._inbox.add(waiting):
            if len(self._fresh) < FRESH:
                self._fresh[waiting.offset] = command
            if not is_own:
                self._foreign[waiting.offset] = monotonic() + self._grace_s
        self._wake.set()

    async def run(self) -> None:
        """Process commands for ever. Raises sqlite3.Error."""
        while True:
            await self._load()
            self._settle_stopped()
            for waiting in self._inbox.take(self._now(), self._space()):
                self._in_work += 1
                self._begin(waiting)
            await self._wait()

    def _space(self) -> int:
        """Return how many commands may be decided now: few while submissions are being stored."""
        space = IN_WORK - self._in_work
        if not self._commands.is_storing:
            return space
        return self._allowance.take(min(space, self._inbox.ready_count))

    def take_decided(self, end: int) -> list[tuple[int, State]]:
        """Return the commands before the offset `end` that were decided, by packed position, and forget them."""
        limit = LogPosition(self._partition, end).pack()
        decided = [row for row in self._decided if row[0] < limit]
        self._decided = [row for row in self._decided if row[0] >= limit]
        return decided

    def note_rejected(self, position: int, command_id: str) -> None:
        """Note that the command at a packed position was rejected, which may be long before it is due."""
        self._decided.append((position, State.REFUSED))
        self._on_change(command_id)

    def release(self, command_id: str) -> None:
        """Process a stopped command again."""
        stopped = self.stopped.pop(command_id, None)
        if stopped is not None:
            self._inbox.put_back(stopped[0])
            self._wake.set()

    async def _load(self) -> None:
        """Read the commands that are due soon from the index, as far as memory has space for them."""
        inbox = self._inbox
        while inbox.horizon.due < (now := self._now()) + AHEAD_NS // 2 and inbox.has_space:
            await self._commands.tail.flush()  # the inbox has refused those behind its horizon
            start, count, end = inbox.horizon, CAPACITY // 4, now + AHEAD_NS
            rows = self._index.find_open(self._partition, start, end, count)
            inbox.horizon = inbox.horizon._replace(due=end, offset=0) if len(rows) < count else rows[-1]
            for waiting in rows:
                inbox.add(waiting)

    async def _wait(self) -> None:
        due = self._inbox.next_due()
        seconds = 1.0 if due is None else min(1.0, max(0.0, (due - self._now()) / 1e9))
        if self._inbox.ready_count:
            seconds = min(seconds, PAUSE_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    def _begin(self, waiting: Waiting) -> None:
        command = self._fresh.pop(waiting.offset, None) or read_submitted(self._commands.tail.value_at(waiting.offset))
        assert command is not None, "the index holds submitted commands only"
        is_left = self._foreign.get(waiting.offset, 0.0) > monotonic()
        if not command.fault and not is_left:
            self._decide(waiting, command)
        elif not self._settle(waiting, command, self._find_link(command)):
            if is_left:
                self._again(waiting, LOOK_S)
            else:
                self._stop(waiting, command, command.fault)

    def _decide(self, waiting: Waiting, command: SubmittedCommand) -> None:
        attempt = attempt_of(command)
        if self._traces is not None:
            self._traces.begin(attempt)
        try:
            submitted = self._handler.submit_if_space(attempt)
        except Refused:
            submitted = False
        if not submitted:
            self._again(waiting, RETRY_S)
            return
        attempt.answer.add_done_callback(lambda answer: self._take_answer(waiting, command, attempt, answer.result()))

    def _take_answer(self, waiting: Waiting, command: SubmittedCommand, attempt: Attempt, answer: Answer) -> None:
        link = answer.fact if isinstance(answer, Accepted) else self._find_link(command)
        if self._settle(waiting, command, link):
            if self._observer is not None and link is not None:
                self._observer.note_outcome(answer, is_repeated=is_repeated(link, command, attempt))
            return
        reason = answer.reason if isinstance(answer, Refusal) else reasons.ERROR_REASON_UNAVAILABLE
        if reason == reasons.ERROR_REASON_INTERNAL:
            self._stop(waiting, command, "the server failed to decide it; its log has the cause")
        else:
            self._again(waiting, PARKED_S if reason == reasons.ERROR_REASON_ORDER_PARKED else RETRY_S)

    def _settle_stopped(self) -> None:
        """Finish the stopped commands that another server has decided."""
        if monotonic() < self._looked_at + STOPPED_S:
            return
        self._looked_at = monotonic()
        for command_id, (waiting, _) in list(self.stopped.items()):
            command = read_submitted(self._commands.tail.value_at(waiting.offset))
            if command is not None and self._find_link(command) is not None:
                self.release(command_id)

    def _find_link(self, command: SubmittedCommand) -> Link | None:
        """Return the link with a command's request id, None if none is known."""
        try:
            return find_outcome(self._handler, command)
        except LogUnavailable:  # the projection is built again
            return None

    def _settle(self, waiting: Waiting, command: SubmittedCommand, link: Link | None) -> bool:
        """Finish a command whose request id has a link; return whether it has."""
        if link is None:
            return False
        position = LogPosition(self._partition, waiting.offset).pack()
        self._decided.append((position, state_of(link, command)))
        self._foreign.pop(waiting.offset, None)
        self._in_work -= 1
        self._inbox.finish(waiting)
        self._on_change(command.command_id)
        self._wake.set()
        return True

    def _stop(self, waiting: Waiting, command: SubmittedCommand, reason: str) -> None:
        # The order keeps the command in work, so its later commands wait.
        _log.warning(
            "command %s of order %s is stopped: %s",
            command.command_id,
            command.order_id,
            reason,
            extra=name_fields(order_id=command.order_id, request_id=command.request_id),
        )
        self.stopped[command.command_id] = waiting, reason
        self._in_work -= 1
        self._on_change(command.command_id)
        self._wake.set()

    def _again(self, waiting: Waiting, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._put_back, waiting)

    def _put_back(self, waiting: Waiting) -> None:
        self._in_work -= 1
        self._inbox.put_back(waiting)
        self._wake.set()


def attempt_of(command: SubmittedCommand, rejection: Refusal | None = None) -> Attempt:
    """Return the attempt to decide a submitted command; with a rejection, to refuse it."""
    verb = PlaceOrderRequest() if command.fault else command.verb  # a rejection does not need it
    return Attempt(
        command.order_id,
        command.request_id,
        verb,
        command.digest,
        asyncio.get_running_loop().create_future(),
        command.scope,
        command.expected_version,
        actor=command.actor,
        on_behalf_of=command.on_behalf_of,
        traceparent=command.traceparent,
        is_batched=True,
        is_submitted=True,
        private_request_id=private_request_id(command),
        rejection=rejection,
        deadline=inf,
    )


def state_of(link: Link, command: SubmittedCommand) -> State:
    """Return the state of a command whose request id has a link, which may be that of another command."""
    return State.REFUSED if link.is_refusal or link.command_digest != command.digest else State.ACCEPTED
