"""Totals of the attempts of a webhook since its server began to serve it."""

from dataclasses import dataclass

from ordertrail_server.subscriptions.webhook_changes import Attempted


@dataclass(slots=True)
class AttemptTotals:
    """How many attempts the receiver accepted, how many failed, and how many seconds all of them took."""

    accepted: int = 0
    failed: int = 0
    seconds: float = 0.0

    def add(self, attempted: Attempted) -> None:
        """Add an attempt."""
        if attempted.is_success:
            self.accepted += 1
        else:
            self.failed += 1
        self.seconds += attempted.duration_ms / 1000
