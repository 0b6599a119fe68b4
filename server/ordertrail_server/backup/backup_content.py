"""What a backup contains, as `backup`, `backup --verify` and `restore` report it."""

from typing import Any, NamedTuple

from ordertrail_server.log.embedded.predecessors import CutLog


class ChainFault(NamedTuple):
    """A record that its order's chain does not accept, as in the log itself: where, and why."""

    partition: int
    offset: int
    detail: str


class BackupContent(NamedTuple):
    """The content of a verified backup.

    `log` is the log that was backed up, with its ends. `subscription_count` counts the subscriptions. `fault_count`
    counts the records that break the chain of their order; the first of them is `fault`.
    """

    created_at: str
    log: CutLog
    predecessors: tuple[CutLog, ...]
    subscription_count: int
    fault_count: int
    fault: ChainFault | None

    @property
    def record_count(self) -> int:
        """The number of records."""
        return sum(self.log.records_ends)

    @property
    def command_count(self) -> int:
        """The number of submitted commands."""
        return sum(self.log.commands_ends)

    def to_json(self) -> dict[str, Any]:
        """Return the content as values of JSON."""
        return {
            "createdAt": self.created_at,
            "logId": self.log.identity.hex(),
            "records": self.record_count,
            "commands": self.command_count,
            "subscriptions": self.subscription_count,
            "chainFaults": self.fault_count,
        }
