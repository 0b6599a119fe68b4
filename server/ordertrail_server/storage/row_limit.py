"""LIMIT clauses with a bound value that leave a statement prepared.

SQLite plans a statement for the value of a bare parameter after LIMIT, so it prepares the statement again for each
execution. That takes longer than many a query (10 to 15 us). It does not do so for an expression.
"""

NAMED_LIMIT = "LIMIT :limit + 0"
"""The limit is the named value `limit`."""

LAST_LIMIT = "LIMIT ? + 0"
"""The limit is the last of the values."""
