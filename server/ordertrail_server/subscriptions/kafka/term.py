"""Terms: which server's records on the topic of subscriptions count."""

from typing import NamedTuple


class Term(NamedTuple):
    """A time in which one server serves all subscriptions: its number, and the server's own random id for it.

    A term begins if its number follows that of the present term. If two servers begin a term of the same number, the
    first one on the topic counts.
    """

    number: int
    writer: str


NO_TERM = Term(0, "")
