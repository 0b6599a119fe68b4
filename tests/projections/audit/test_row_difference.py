"""Rows of two tables that are read side by side in the order of their keys."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.trials import choose_size

from ordertrail_server.projections.audit.audited_table import AuditedTable
from ordertrail_server.projections.audit.row_difference import CHUNK, RowDifference, RowStream, find_differences
from ordertrail_server.storage.sqlite import sqlite3

Row = tuple[object, ...]

EXAMPLES = choose_size(quick=40, trial=150, long=10_000)
keys = st.one_of(st.none(), st.integers(-3, 3), st.text("aÿ☃", max_size=2), st.binary(max_size=2))
tables = st.dictionaries(keys, st.integers(0, 2), max_size=8).map(lambda rows: list(rows.items()))


def find_all(expected: list[Row], stored: list[Row], key_length: int = 1) -> list[RowDifference]:
    table = AuditedTable("t", ("key", "value"), key_length, ("SELECT key, value FROM t ORDER BY key, value",))
    streams = (RowStream(_create_table(rows), table) for rows in (expected, stored))
    return [difference for difference in find_differences(*streams) if difference is not None]


def _create_table(rows: list[Row]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (key, value)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    return connection


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(tables, tables)
def test_every_key_whose_rows_differ_is_found_once(expected: list[Row], stored: list[Row]) -> None:
    differences = {*find_all(expected, stored)}
    rows_by_key: dict[Any, list[Row | None]] = {key: [None, None] for key, _ in (*expected, *stored)}
    for side, rows in enumerate((expected, stored)):
        for row in rows:
            rows_by_key[row[0]][side] = row
    assert differences == {RowDifference(*pair) for pair in rows_by_key.values() if pair[0] != pair[1]}


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(keys, st.integers(0, 1))), st.lists(st.tuples(keys, st.integers(0, 1))))
def test_repeated_rows_of_a_table_without_a_key_are_counted(expected: list[Row], stored: list[Row]) -> None:
    differences = find_all(expected, stored, key_length=2)
    missing = Counter(difference.expected for difference in differences if difference.stored is None)
    added = Counter(difference.stored for difference in differences if difference.expected is None)
    assert missing == Counter(expected) - Counter(stored)
    assert added == Counter(stored) - Counter(expected)


@pytest.mark.parametrize("removed", [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK - 1])
def test_row_that_is_missing_anywhere_does_not_hide_the_rows_after_it(removed: int) -> None:
    rows: list[Row] = [(number, 0) for number in range(3 * CHUNK)]
    stored: list[Row] = [row for row in rows if row[0] != removed]
    stored[-1] = (stored[-1][0], 1)
    last = next(row for row in reversed(rows) if row[0] != removed)
    expected_differences = [RowDifference((removed, 0), None), RowDifference(last, (last[0], 1))]
    assert find_all(rows, stored) == sorted(expected_differences, key=lambda difference: difference.expected or ())
