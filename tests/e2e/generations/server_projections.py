"""The projections of a running server in tests: their generations, and waits for them."""

import asyncio
from contextlib import closing
from pathlib import Path

from ordertrail.client import OrderTrail
from ordertrail.v1.projection_service_pb2 import (
    GENERATION_STATE_BUILDING,
    GENERATION_STATE_LIVE,
    GENERATION_STATE_READY,
    CompareGenerationResponse,
    Generation,
    GenerationState,
)
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.checked.connection import connect_checked_writer

NAMES = ("history", "orders")


async def list_generations(orders: OrderTrail, name: str) -> dict[int, "GenerationState.ValueType"]:
    """Return {number: state} of a projection."""
    [projection] = [projection for projection in await orders.projections() if projection.name == name]
    return {generation.number: generation.state for generation in projection.generations}


async def find_live_number(orders: OrderTrail, name: str) -> int:
    """Return the number of the live generation. Fails unless there is exactly one."""
    [live] = [n for n, state in (await list_generations(orders, name)).items() if state == GENERATION_STATE_LIVE]
    return live


async def build(orders: OrderTrail, name: str) -> Generation:
    """Rebuild a projection, and wait until the new generation is ready."""
    generation = await orders.rebuild_projection(name)
    async with asyncio.timeout(120):
        while (state := (await list_generations(orders, name)).get(generation.number)) != GENERATION_STATE_READY:
            assert state in (None, GENERATION_STATE_BUILDING), state
            await asyncio.sleep(0.05)
    return generation


def find_differences(comparison: CompareGenerationResponse) -> dict[str, list[str]]:
    """Return {table: keys} of the differences."""
    return {table.table: list(table.different_keys) for table in comparison.tables if table.difference_count}


def edit_live(data: Path, name: str, statement: str) -> None:
    """Change rows of a live generation, as a person with an SQLite shell could."""
    with closing(connect_checked_writer(live_generation(data / "projections", name))) as connection:
        assert connection.execute(statement).rowcount > 0
