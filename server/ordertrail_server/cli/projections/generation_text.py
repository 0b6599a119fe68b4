"""Generations and comparisons as text."""

from typing import TYPE_CHECKING

from ordertrail_server.cli.value_text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ordertrail.v1.projection_service_pb2 import CompareGenerationResponse, Generation, TableComparison
    from ordertrail_server.projections import comparison

    ComparedTable = TableComparison | comparison.TableComparison


def state_text(generation: "Generation") -> str:
    """Return the state of a generation in lower case."""
    from ordertrail.v1.projection_service_pb2 import GenerationState

    return GenerationState.Name(generation.state).removeprefix("GENERATION_STATE_").lower()


def count_differences(comparison: "CompareGenerationResponse") -> int:
    """Return the number of keys whose rows differ."""
    return sum(table.difference_count for table in comparison.tables)


def describe_comparison(name: str, tables: "Sequence[ComparedTable]") -> "Iterator[str]":
    """Yield the comparison of a projection with its live generation: one line, and one for each differing table."""
    row_count = sum(table.other_count for table in tables)
    difference_count = sum(table.difference_count for table in tables)
    if not difference_count:
        yield f"{name}: the same {row_count:,} rows as the live generation."
        return
    yield f"{name}: {difference_count:,} differences to the live generation:"
    yield from (_table_line(table) for table in tables if table.difference_count)


def _table_line(table: "ComparedTable") -> str:
    keys = ", ".join(map(escape, table.different_keys))
    is_complete = len(table.different_keys) == table.difference_count
    counts = f"{table.live_count:,} rows in the live generation, {table.other_count:,} in the other"
    return f"  {escape(table.table)}: {table.difference_count:,} ({counts}): {keys}{'' if is_complete else ', …'}"
