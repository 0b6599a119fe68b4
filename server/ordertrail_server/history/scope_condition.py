"""A scope as a condition of SQL."""

from json import dumps

from ordertrail_server.access.scope import Scope


def scope_condition(scope: Scope, column: str) -> str:
    """Return the condition that the customer in a column is in the scope; it binds `scope_values`.

    An order without a customer is in the scope of all customers only, so the condition is then FALSE or NULL.
    """
    if scope.is_unbounded:
        return "TRUE"
    # Sets are searched quickly, and SQLite limits the depth of an expression: a term for each prefix could exceed it.
    beginnings = (
        f" OR substr({column}, 1, {length}) IN (SELECT value FROM json_each(:scope_prefixes))"
        for length in sorted(set(map(len, scope.prefixes)))
    )
    return f"({column} IN (SELECT value FROM json_each(:scope_ids)){''.join(beginnings)})"


def scope_values(scope: Scope) -> dict[str, str]:
    """Return the values that the condition binds."""
    if scope.is_unbounded:
        return {}
    return {"scope_ids": dumps(sorted(scope.customer_ids)), "scope_prefixes": dumps(sorted(scope.prefixes))}
