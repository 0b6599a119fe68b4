"""A scope is a set of customers, and so is the condition of SQL that is made of it."""

import sqlite3

import pytest
from hypothesis import given, strategies as st

from ordertrail_server.access.scope import EVERYTHING, NO_CUSTOMER, NOTHING, Scope
from ordertrail_server.history.scope_condition import scope_condition, scope_values

TEXTS = st.text(alphabet="ab%_'🙂", min_size=1, max_size=3)
SCOPES = st.one_of(
    st.just(EVERYTHING), st.builds(Scope, st.frozensets(TEXTS, max_size=3), st.frozensets(TEXTS, max_size=2))
)


@given(SCOPES, TEXTS)
def test_condition_of_sql_matches_the_customers_of_the_scope(scope: Scope, customer_id: str) -> None:
    with sqlite3.connect(":memory:") as connection:
        values = {"customer": customer_id, **scope_values(scope)}
        [matches] = connection.execute(f"SELECT {scope_condition(scope, ':customer')}", values).fetchone()
    assert bool(matches) == scope.includes(customer_id)


@pytest.mark.parametrize("scope", [NOTHING, Scope(frozenset({"a"}), frozenset({"b"}))])
def test_order_without_customer_is_in_the_scope_of_all_customers_only(scope: Scope) -> None:
    with sqlite3.connect(":memory:") as connection:
        [matches] = connection.execute(f"SELECT {scope_condition(scope, 'NULL')}", scope_values(scope)).fetchone()
    assert not matches
    assert not scope.includes("")
    assert EVERYTHING.includes("")


@given(SCOPES, SCOPES, TEXTS)
def test_scope_covers_another_one_if_it_includes_each_of_its_customers(
    larger: Scope, smaller: Scope, customer_id: str
) -> None:
    if larger.covers(smaller) and smaller.includes(customer_id):
        assert larger.includes(customer_id)
    assert larger.union(smaller).covers(smaller)
    assert larger.union(smaller).includes(customer_id) == (
        larger.includes(customer_id) or smaller.includes(customer_id)
    )


@given(SCOPES, st.one_of(st.just(""), TEXTS), TEXTS)
def test_narrowed_filter_and_remaining_scope_match_what_both_matched(
    scope: Scope, customer_filter: str, customer_id: str
) -> None:
    filter_left, scope_left = scope.narrow(customer_filter)
    matches = filter_left in ("", customer_id) and scope_left.includes(customer_id)
    assert matches == (customer_filter in ("", customer_id) and scope.includes(customer_id))


def test_filter_by_a_hidden_customer_matches_nothing() -> None:
    assert Scope(frozenset({"acme"})).narrow("globex") == (NO_CUSTOMER, EVERYTHING)
    assert NOTHING.narrow("") == (NO_CUSTOMER, EVERYTHING)


def test_condition_of_sql_takes_as_many_prefixes_as_grants_can_add_up() -> None:
    prefixes = frozenset(f"{number}-" for number in range(5_000))
    scope = Scope(frozenset(), prefixes)
    with sqlite3.connect(":memory:") as connection:
        statement = f"SELECT {scope_condition(scope, ':customer')}"
        [matches] = connection.execute(statement, {"customer": "4999-a", **scope_values(scope)}).fetchone()
    assert matches
    assert scope.covers(Scope(frozenset(), prefixes))
