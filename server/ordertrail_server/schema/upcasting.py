"""What an upcaster is: a function from one stored version of an event to the next one, which knows no other."""

from collections.abc import Callable
from typing import Any, NamedTuple

from google.protobuf.message import Message


class CannotUpcast(ValueError):
    """What was said has no reading in the next version; the text is one plain sentence for whoever must mend it."""


class Hop(NamedTuple):
    """One step of a reading: the version that it leads to, and the upcaster that takes it there."""

    to: type[Message]
    upcast: Callable[[Any], Message]
