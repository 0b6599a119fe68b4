"""What the calls of one identity use at present: commands in the last second, open streams, and running queries."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_CALLER_LIMIT
from ordertrail_server.access.identity.identity import Identity
from ordertrail_server.access.rights import CallerLimits
from ordertrail_server.orders.refusal import Refusal, Refused

MAX_METERS = 10_000
"""The most identities that are remembered. One that is forgotten begins anew, so nobody gets less than the limits."""


class Meter:
    """The usage of one identity. The bucket of commands holds those of one second, at least one."""

    def __init__(self, limits: CallerLimits, clock: Callable[[], float] = monotonic) -> None:
        self.limits, self.stream_count, self.query_count = limits, 0, 0
        self._clock, self._filled_at = clock, clock()
        self._commands = max(1.0, limits.commands_per_second)

    def take_command(self) -> None:
        """Count a command. Raises Refused if there were too many."""
        now = self._clock()
        gain = (now - self._filled_at) * self.limits.commands_per_second
        self._commands, self._filled_at = min(max(1.0, self.limits.commands_per_second), self._commands + gain), now
        if self._commands < 1:
            limit = self.limits.commands_per_second
            raise _too_much(f"You may run {limit:g} commands a second; send them more slowly.")
        self._commands -= 1

    def open_stream(self) -> None:
        """Count a stream that begins. Raises Refused if too many are open."""
        if self.stream_count >= self.limits.streams:
            raise _too_much(f"You may have {self.limits.streams:g} streams open at once; close one of them.")
        self.stream_count += 1

    def close_stream(self) -> None:
        """Count a stream that ends."""
        self.stream_count -= 1

    @contextmanager
    def count_query(self) -> Iterator[None]:
        """Count a query while it runs. Raises Refused if too many run."""
        if self.query_count >= self.limits.queries:
            raise _too_much(f"You may have {self.limits.queries:g} queries running at once; wait for their answers.")
        self.query_count += 1
        try:
            yield
        finally:
            self.query_count -= 1


class Meters:
    """The meters of the identities that called last."""

    def __init__(self) -> None:
        self._meters: OrderedDict[tuple[str, str], Meter] = OrderedDict()

    def get(self, identity: Identity, limits: CallerLimits) -> Meter:
        """Return the meter of an identity, with its present limits."""
        key = (identity.issuer, identity.name)
        meter = self._meters.get(key)
        if meter is None:
            meter = self._meters[key] = Meter(limits)
        meter.limits = limits  # the same meter, because open streams are counted on it until they end
        self._meters.move_to_end(key)
        while len(self._meters) > MAX_METERS:
            self._meters.popitem(last=False)
        return meter


def _too_much(message: str) -> Refused:
    return Refused(Refusal(ERROR_REASON_CALLER_LIMIT, message))
