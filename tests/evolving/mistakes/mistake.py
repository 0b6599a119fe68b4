"""A typical mistake, and the guard that must report it."""

from typing import NamedTuple

from tests.evolving.mistakes.edit import Edit
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.trees import State


class Mistake(NamedTuple):
    """An edit of a tree in some state. The guard must report a text that contains `says`, with shortened names."""

    title: str
    guard: Guard
    says: str
    edit: Edit
    state: State = State.TODAY


def shorten_names(text: str) -> str:
    """Return a guard's text with shortened names of stored messages, such as `v2.Money`."""
    return text.replace("ordertrail.events.", "")
