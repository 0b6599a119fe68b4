"""A mistake that people make, and what must come of it."""

from typing import NamedTuple

from tests.evolving.mistakes.edit import Edit
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.trees import State


class Mistake(NamedTuple):
    """An edit of a tree in some state; the guard must find it, and say at least `says` (see `short`)."""

    what: str
    guard: Guard
    says: str
    edit: Edit
    state: State = State.TODAY


def short(text: str) -> str:
    """Return what a guard says with stored messages named as `v2.Money`."""
    return text.replace("ordertrail.events.", "")
