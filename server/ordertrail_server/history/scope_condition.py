"""A scope as a condition of SQL."""

from json import dumps

from ordertrail_server.access.scope import Scope


def scope_condition(scope: Scope, column: str) -> str:
    """Return the condition that the customer in a column is in the scope; it binds `scope_values`.

    An order without a customer is in the scope of all customers only, so the condition is then FALSE or NULL.
    """
    if scope.is_unbounded:
        return "TRUE"
    prefixes = (
        f" OR substr({column}, 1, length(:scope_prefix{i})) = :scope_prefix{i}" for i in range(len(scope.prefixes))
    )
    return f"({column} IN (SELECT value FROM json_each(:scope_ids)){''.join(prefixes)})"


def scope_values(scope: Scope) -> dict[str, str]:
    """Return the values that the condition binds."""
    if scope.is_unbounded:
        return {}
    prefixes = {f"scope_prefix{i}": prefix for i, prefix in enumerate(sorted(scope.prefixes))}
    return {"scope_ids": dumps(sorted(scope.customer_ids)), **prefixes}
