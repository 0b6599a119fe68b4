"""Metrics of the submitted commands that wait."""

from collections.abc import Iterator, Sequence

from prometheus_client import Metric

from ordertrail_server.admin.family import Labels, by_partition, gauge
from ordertrail_server.admin.sampling import SampledCollector
from ordertrail_server.submissions.command_store import CommandStore
from ordertrail_server.submissions.waiting_commands import WaitingCommands

STATES = "due", "delayed", "stopped"


class SubmissionState(SampledCollector):
    """The submitted commands of one server. There are no values while it does not know them."""

    def __init__(self, store: CommandStore) -> None:
        self._store = store
        self._waiting: Sequence[WaitingCommands] = ()

    async def sample(self) -> None:
        """Count the commands."""
        self._waiting = await self._store.count_waiting()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        waiting = dict(enumerate(self._waiting))
        counts: dict[Labels, float] = {
            (str(partition), state): getattr(commands, state)
            for partition, commands in waiting.items()
            for state in STATES
        }
        text = "Submitted commands without an outcome."
        yield gauge("submission_waiting_commands", text, ("partition", "state"), counts)
        now = self._store.now()
        ages = {number: _seconds_since(commands.due_since, now) for number, commands in waiting.items()}
        text = "How long ago the submitted command became due that has waited longest."
        yield gauge("submission_lag_seconds", text, ("partition",), by_partition(ages.items()))


def _seconds_since(time: int | None, now: int) -> float:
    return 0.0 if time is None else max(0, now - time) / 1e9
