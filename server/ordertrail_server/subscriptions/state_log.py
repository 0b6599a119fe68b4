"""The interface of the log of state records. Every adapter passes the contract suite in tests/subscriptions."""

from collections.abc import Sequence
from typing import Protocol

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.subscriptions.state_record import StateRecord


class StateUnavailable(OperatorError):
    """State records cannot be stored for now, as on a full disk. Some of them may be stored nevertheless."""


class StateDamaged(OperatorError):
    """The stored state records cannot be read. The message says what to do."""


class TermLost(OperatorError):
    """Another server serves the subscriptions now. What was appended last may count, or have no effect."""


class StateLog(Protocol):
    """An append-only log of state records, of which only the order within a subscription matters.

    Appending a record twice has no other effect than appending it once. For one event loop and one caller at a time.
    """

    async def read(self) -> list[StateRecord]:
        """Return all records, in the order in which they were appended. Raises StateDamaged, StateUnavailable."""

    async def append(self, records: Sequence[StateRecord]) -> None:
        """Append records. They are durable when this returns. Raises StateUnavailable, StateDamaged, TermLost.

        After StateUnavailable, call it again with the same records.
        """

    async def replace(self, uid: str, records: Sequence[StateRecord]) -> None:
        """Replace all records of a subscription: by a snapshot of its state, or by nothing once it is deleted.

        A reader sees the records before the call or those after it. Raises as `append` does.
        """

    def stale_uid(self) -> str | None:
        """Return a subscription whose records must be replaced before the log can be cut; None if there is none.

        Ask again after each append.
        """

    async def close(self) -> None:
        """Finish a running call, and release all resources."""
