"""What a projection is: a name, its tables, and how a batch changes their rows.

A package adds a projection to a server by an entry point in the group `ordertrail.projections`, whose object is a
subclass of `Projection`. docs/projections.md builds one line by line.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ordertrail_server.projections.batch import Batch

if TYPE_CHECKING:
    from sqlite_utils import Database


class Projection(ABC):
    """Keeps tables of its own in a file of its own. All methods get that file, as a database of sqlite-utils.

    `database.conn` is its connection, for loops that must be fast. The rows of a batch and the position after it are
    committed in one transaction, so each fact is applied once.
    """

    name: ClassVar[str]
    """The name of the projection: lower-case letters, digits and underscores, beginning with a letter."""

    uses_orders: ClassVar[bool] = False
    """True if `apply` needs `before` and `order` of facts. While the projection is behind, they are folded again."""

    @abstractmethod
    def create_tables(self, database: "Database") -> None:
        """Create the tables, inside the caller's transaction. Names that begin with `ordertrail_` are reserved."""

    def create_indexes(self, database: "Database") -> None:  # noqa: B027 (optional)
        """Create the indexes that would slow down the first fold of a large log. It may be called again."""

    @abstractmethod
    def apply(self, batch: Batch, database: "Database") -> None:
        """Write the rows of a batch, inside the caller's transaction. It must change nothing but these tables."""
