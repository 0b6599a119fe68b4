"""Ranges of positions that a query reads, in the order of the log or against it."""

from typing import NamedTuple


class Span(NamedTuple):
    """The packed positions from `low` to before `high`. With `is_descending` it is read from the highest one down."""

    low: int
    high: int
    is_descending: bool = False

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to read."""
        return self.low >= self.high

    def holds(self, position: int) -> bool:
        """Return whether a position is in the span."""
        return self.low <= position < self.high

    def before(self, position: int) -> "Span":
        """Return the part that is read before a position, which is not in it."""
        return self._replace(low=position + 1) if self.is_descending else self._replace(high=position)

    def after(self, position: int) -> "Span":
        """Return the part that is read after a position, which is not in it."""
        return self._replace(high=position) if self.is_descending else self._replace(low=position + 1)

    def through(self, position: int) -> "Span":
        """Return the part that is read up to a position, which is its last one."""
        return self._replace(low=position) if self.is_descending else self._replace(high=position + 1)

    def end(self) -> "Span":
        """Return the empty part that is left after everything is read."""
        return self._replace(high=self.low) if self.is_descending else self._replace(low=self.high)

    def cut_to(self, remainder: "Span") -> "Span":
        """Return what is left of the span when `remainder` is left of the part that is read first."""
        return self._replace(high=remainder.high) if self.is_descending else self._replace(low=remainder.low)
