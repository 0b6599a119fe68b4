"""Opens Kafka logs for tests, and retries calls while the brokers have no answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.kafka.cluster import Cluster
from tests.log.contract import SOON

from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.settings import Settings
from ordertrail_server.log.port import LogUnavailable

T = TypeVar("T")

# How long a call may wait for a broker. On a slow machine a running broker may take long.
TIMEOUT_S, SHORT_TIMEOUT_S = 10.0, 1.0


@asynccontextmanager
async def open_log(
    cluster: Cluster, timeout_s: float = TIMEOUT_S, **settings: str | int | bool
) -> AsyncIterator[KafkaLog]:
    """Open the log of the cluster, with settings of librdkafka; write `_` for each dot in their names."""
    brokers: Settings = {"bootstrap.servers": cluster.bootstrap}
    dotted = {name.replace("_", "."): value for name, value in settings.items()}
    log = await retry(lambda: KafkaLog.open({**brokers, **dotted}, timeout_s=timeout_s), LogUnavailable)
    try:
        yield log
    finally:
        await log.close()


async def retry(call: Callable[[], Awaitable[T]], *errors: type[Exception]) -> T:
    """Return the result of the call. Call again while it raises one of these errors."""
    async with asyncio.timeout(3 * SOON):
        while True:
            try:
                return await call()
            except errors:
                await asyncio.sleep(0.05)
