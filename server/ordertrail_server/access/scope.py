"""The customers whose orders a caller may reach."""

from typing import NamedTuple

NO_CUSTOMER = "\0"
"""An id that no customer has, because ids have no control characters. A filter with it matches nothing."""


class Scope(NamedTuple):
    """A set of customers: all of them, or those with one of these ids or prefixes.

    An order without a customer is in the scope of all customers only.
    """

    customer_ids: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    is_unbounded: bool = False

    def includes(self, customer_id: str) -> bool:
        """Return whether a customer is in the scope."""
        if self.is_unbounded or customer_id in self.customer_ids:
            return True
        return bool(customer_id) and any(map(customer_id.startswith, self.prefixes))

    def covers(self, smaller: "Scope") -> bool:
        """Return whether every customer of another scope is in this one."""
        if self.is_unbounded or smaller.is_unbounded:
            return self.is_unbounded
        further_ids, further_prefixes = smaller.customer_ids - self.customer_ids, smaller.prefixes - self.prefixes
        return all(map(self._has_prefix_of, further_ids | further_prefixes))

    def _has_prefix_of(self, text: str) -> bool:
        """Return whether a text begins with a prefix. Takes the time of its length, however many prefixes there are."""
        return any(text[:length] in self.prefixes for length in range(1, len(text) + 1))

    def union(self, addition: "Scope") -> "Scope":
        """Return the scope of the customers in either one."""
        if self.is_unbounded or addition.is_unbounded:
            return EVERYTHING
        if self == NOTHING:
            return addition  # not a copy, because one scope is for many permissions
        return Scope(self.customer_ids | addition.customer_ids, self.prefixes | addition.prefixes)

    def narrow(self, customer_id: str) -> "tuple[str, Scope]":
        """Return the customer to filter by, or "" for any, and the scope that remains to be checked row by row.

        A customer who is not in the scope becomes one who does not exist.
        """
        if self.is_unbounded:
            return customer_id, self
        if customer_id:
            return (customer_id if self.includes(customer_id) else NO_CUSTOMER), EVERYTHING
        if not self.prefixes and len(self.customer_ids) <= 1:
            return next(iter(self.customer_ids), NO_CUSTOMER), EVERYTHING
        return "", self


EVERYTHING = Scope(is_unbounded=True)
NOTHING = Scope()
