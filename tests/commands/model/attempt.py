"""A submitted command or a call, and how it may be decided."""

from typing import NamedTuple

ACCEPT, REFUSE = False, True
"""The decisions, as the value of `is_refusal` of their record."""


class Attempt(NamedTuple):
    """A command; `body` stands for its digest.

    `accepted_at` holds the versions of the order that allow it. If it is None, each decision may go either way.
    """

    request: str
    body: str
    is_submitted: bool
    accepted_at: range | None = None

    def decide(self, version: int) -> tuple[bool, ...]:
        """Return the possible decisions on an order at a version."""
        if self.accepted_at is None:
            return ACCEPT, REFUSE
        return (ACCEPT,) if version in self.accepted_at else (REFUSE,)
