"""Serves subscriptions in this server while the group of their topic assigns its partition to it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.log.message_topic import MessageTopic
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.kafka.kafka_state_log import KafkaStateLog
from ordertrail_server.subscriptions.kafka.pulse import Pulse
from ordertrail_server.subscriptions.state_log import StateDamaged, StateLog, StateUnavailable, TermLost
from ordertrail_server.subscriptions.subscriptions import Subscriptions

_log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
LOST_SECONDS = 5.0
"""How long a server that lost its term waits to begin another one, unless the group revokes the partition before."""

AWAY_SECONDS = 30.0
"""How long a server that cannot read the topic leaves the subscriptions to others."""

PULSE_SECONDS = 0.25

DRAIN_SECONDS, SAVE_SECONDS, END_SECONDS = 1.0, 3.0, 7.5
"""In an orderly end: how long calls of consumers may last, storing the positions, and all of it with webhooks."""

ENDED = Refusal(ERROR_REASON_UNAVAILABLE, "Another server serves the subscriptions from now on; retry shortly.")


class Membership(Protocol):
    """A membership in the group."""

    def leave(self) -> Awaitable[None]:
        """Leave the group. A second call has no effect."""


Join = Callable[[Callable[[], None], Callable[[], Coroutine[Any, Any, None]], Callable[[], None]], Membership]
"""Joins the group, with functions for when the partition is assigned, when it is revoked, and for each poll."""


class ServedTerm(Protocol):
    """The calls that this server answers in its term."""

    def drain(self) -> None:
        """End the requests of consumers, and take no further calls."""

    async def wait_idle(self) -> None:
        """Wait until no call is running."""

    async def stop_work(self) -> None:
        """Stop what works without a caller. A second call has no effect."""

    def end(self) -> None:
        """End the remaining calls as unavailable."""


class Holder:
    """Holds the subscriptions term by term: `run` it. `build` and `serve` make what a term needs.

    The group only says who should begin a term. If two servers believe that they should, terms decide. A server that
    was suspended for `suspended_s` ends its term, because another one may have begun.
    """

    def __init__(
        self,
        topic: MessageTopic,
        join: Join,
        build: Callable[[StateLog], Subscriptions],
        serve: Callable[[Subscriptions, Pulse], ServedTerm],
        new_id: Callable[[], str],
        suspended_s: float,
    ) -> None:
        self._topic, self._join, self._build, self._serve, self._new_id = topic, join, build, serve, new_id
        self._assigned, self._revoked, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._is_closing, self._suspended_s = False, suspended_s
        self._pulse = Pulse(suspended_s)
        self._membership: Membership | None = None
        self._reason = ""

    @property
    def is_assigned(self) -> bool:
        """True if the partition is assigned to this server, which serves the subscriptions or is about to."""
        return self._assigned.is_set()

    async def run(self) -> None:
        """Hold the subscriptions whenever it is this server's turn, for ever. Raises LogDamaged, OperatorError."""
        while not self._is_closing:
            membership = self._membership = self._join(self._note_assigned, self._revoke, self._beat)
            try:
                await self._hold_regularly()
            except StateDamaged as error:
                _log.error("this server cannot serve subscriptions, and leaves them to others for a while: %s", error)
            finally:
                self._assigned.clear()
                await asyncio.shield(membership.leave())
            await asyncio.sleep(AWAY_SECONDS)

    async def close(self) -> None:
        """End the term in order, so that another server continues at once."""
        self._is_closing = True
        await self._revoke()
        if self._membership is not None:
            await self._membership.leave()

    def _beat(self) -> None:
        self._pulse.beat()

    def _note_assigned(self) -> None:
        self._revoked.clear()
        self._assigned.set()

    async def _revoke(self) -> None:
        self._assigned.clear()
        self._revoked.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), END_SECONDS)

    async def _hold_regularly(self) -> None:
        while not self._is_closing:
            await self._assigned.wait()
            self._idle.clear()
            pause_s = RETRY_SECONDS
            try:
                await self._hold()
            except TermLost as error:
                self._log_reason(f"this server serves the subscriptions no longer: {error}")
                pause_s = LOST_SECONDS
            except (StateUnavailable, LogUnavailable) as error:
                self._log_reason(f"subscriptions are not served yet: {error}")
            finally:
                self._idle.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._revoked.wait(), pause_s)

    def _log_reason(self, reason: str) -> None:
        if reason != self._reason:
            _log.warning("%s", reason)
            self._reason = reason

    async def _hold(self) -> None:
        self._pulse = Pulse(self._suspended_s)
        subscriptions = self._build(await KafkaStateLog.open(self._topic, self._new_id()))
        await subscriptions.start()
        if self._revoked.is_set():
            return
        term = self._serve(subscriptions, self._pulse)
        _log.info("this server serves the subscriptions")
        self._reason = ""
        parts = (subscriptions.committer.run(), subscriptions.witness_regularly(), self._watch_pulse())
        work = [asyncio.create_task(part) for part in parts]
        revoked = asyncio.create_task(self._revoked.wait())
        try:
            await asyncio.wait({*work, revoked}, return_when=asyncio.FIRST_COMPLETED)
            if revoked.done():
                await self._end_in_order(subscriptions, term, work)
                return
            for task in work:
                if task.done():
                    task.result()
        finally:
            await _cancel(revoked, *work)
            subscriptions.abandon(Refused(ENDED))
            term.end()
            await term.stop_work()

    async def _watch_pulse(self) -> None:
        """Raises TermLost."""
        while True:
            if self._pulse.has_stopped():
                raise TermLost(f"it was suspended for {self._suspended_s:.0f} s or more")
            await asyncio.sleep(PULSE_SECONDS)

    async def _end_in_order(
        self, subscriptions: Subscriptions, term: ServedTerm, work: list["asyncio.Task[None]"]
    ) -> None:
        term.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(term.wait_idle(), DRAIN_SECONDS)
        await term.stop_work()
        await _cancel(*work)
        with suppress(TimeoutError, TermLost, StateUnavailable):
            await asyncio.wait_for(subscriptions.close(), SAVE_SECONDS)
        _log.info("this server serves the subscriptions no longer")


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
