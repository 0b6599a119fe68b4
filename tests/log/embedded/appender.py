"""A process that appends to the log of a data directory and prints each offset once it is acknowledged.

Arguments: the data directory, and the number of batches. After them it keeps the log open until stdin ends.
"""

import asyncio
import sys
from pathlib import Path

from tests.log.contract import build_entries

from ordertrail_server.log.data_directory import open_to_serve


async def main(directory: Path, batches: int) -> None:
    log = open_to_serve(directory)
    end = await log.end(0)
    for batch in range(batches):
        for offset in await log.append(0, build_entries(1 + batch % 20, end)):
            print(offset, flush=True)
        end = offset + 1
    await asyncio.to_thread(sys.stdin.read)
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
