"""Work of several parts that run as long as all of them do."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def run_until_first_ends(parts: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Run the parts side by side. When the first one ends, cancel the others, and raise its error if it has one."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
