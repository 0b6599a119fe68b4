"""The field number of a new case of `Record`."""

from collections.abc import Collection, Iterable
from typing import Final

ENVELOPE: Final = range(100, 200)
"""Reserved for the envelope by the comment of `Record`. Numbers below 20 are not given to new events either."""

FIRST: Final = 20


def next_number(events: Collection[int], reserved: Iterable[range], *, begins_version: bool) -> int:
    """Return the number of a new event: above all events, free, and a multiple of ten if it begins a version.

    `events` has the numbers of all stored and public events; `reserved` has those that a new event cannot get.
    """
    highest = max(events, default=0)
    number = max(FIRST, highest // 10 * 10 + 10 if begins_version else highest + 1)
    forbidden = sorted([ENVELOPE, *reserved], key=lambda numbers: numbers.start)
    for numbers in forbidden:
        if number in numbers:
            number = numbers.stop
    return number
