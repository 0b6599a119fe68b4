"""Opens the log of a process, embedded or on Kafka, and names the directory of the process's own files."""

import json
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ordertrail_server.log.data_directory import DataDirectory, open_to_serve
from ordertrail_server.log.embedded.in_use import open_when_free
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.kafka.broker_wait import CONNECT_SECONDS
from ordertrail_server.log.port import Log
from ordertrail_server.log.topic_name import commands_topic_of
from ordertrail_server.storage.directory import create_directory
from ordertrail_server.storage.lock import DataDirectoryRefused, lock_directory

if TYPE_CHECKING:  # an embedded log does not need the Kafka client, which takes long to load
    from ordertrail_server.log.kafka.producer import HeadersOf
    from ordertrail_server.log.kafka.settings import Value


class LogSource(Protocol):
    """A log that can be opened."""

    @property
    def data(self) -> Path:
        """The directory of the process's own files."""

    @property
    def notifies_growth(self) -> bool:
        """True if the log wakes waiting readers whenever any process appends."""

    async def open(self, stack: AsyncExitStack) -> Log:
        """Open the log for a server, which locks the data directory until `stack` is closed. Close the log first.

        Raises DataDirectoryRefused, LogRefused, LogDamaged, LogUnavailable, OSError.
        """

    async def follow(self) -> Log:
        """Open the log read-only, beside the server of the data directory. Raises the same errors as `open`."""

    def to_json(self) -> str:
        """Return the source as JSON, with which a child process opens the same log (`parse_source`). Has no secrets."""


@dataclass(frozen=True, slots=True)
class EmbeddedSource:
    """An embedded log, in the data directory itself."""

    data: Path
    notifies_growth = False

    async def open(self, stack: AsyncExitStack) -> Log:
        """Open the directory's log, or create one in an unused directory."""
        return await open_when_free(partial(open_to_serve, self.data), stack)

    async def follow(self) -> Log:
        """Open the log read-only."""
        return EmbeddedLog.follow(self.data)

    def to_json(self) -> str:
        """Return the data directory."""
        return json.dumps({"data": str(self.data)})


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """A log on a Kafka topic. Settings of librdkafka, other than the brokers, come from the environment.

    Without `commands_topic`, the topic of submitted commands has its default name (`commands_topic_of`). If no broker
    answers within `connect_timeout_s` seconds, the log cannot be opened. With `has_statistics`, the producer of a log
    that is opened to append has statistics.
    """

    data: Path
    bootstrap: str
    topic: str
    headers_of: "HeadersOf" = lambda _: []
    connect_timeout_s: float = CONNECT_SECONDS
    commands_topic: str = ""
    commands_headers_of: "HeadersOf" = lambda _: []
    has_statistics: bool = False
    notifies_growth = True

    async def open(self, stack: AsyncExitStack) -> Log:
        """Open the topic, and lock the data directory. Create the directory if it does not exist."""
        create_directory(self.data)
        stack.enter_context(lock_directory(self.data))
        if DataDirectory(self.data).log.exists():
            raise DataDirectoryRefused(
                f"{self.data} contains an embedded log, but this server uses a Kafka topic. Use another directory, or "
                "copy the log to the topic first."
            )
        return await self._open(self.headers_of, self.commands_topic or commands_topic_of(self.topic))

    async def follow(self) -> Log:
        """Open the topic read-only, and its `commands` not at all, because they would cost threads and requests."""
        return await self._open(None, "")

    async def _open(self, headers_of: "HeadersOf | None", commands_topic: str) -> Log:
        from ordertrail_server.log.kafka.environment import settings_from_environment
        from ordertrail_server.log.kafka.log import KafkaLog
        from ordertrail_server.log.kafka.statistics import KafkaStatistics

        settings: dict[str, Value] = {**settings_from_environment(os.environ), "bootstrap.servers": self.bootstrap}
        return await KafkaLog.open(
            settings,
            self.topic,
            headers_of=headers_of,
            commands_topic=commands_topic,
            commands_headers_of=self.commands_headers_of,
            connect_timeout_s=self.connect_timeout_s,
            statistics=KafkaStatistics() if self.has_statistics and headers_of is not None else None,
        )

    def to_json(self) -> str:
        """Return the data directory, the brokers and the topics. Secrets stay in the environment."""
        names = {"topic": self.topic, "commands_topic": self.commands_topic}
        return json.dumps({"data": str(self.data), "bootstrap": self.bootstrap, **names})


def parse_source(text: str) -> LogSource:
    """Return the source that `to_json` wrote."""
    fields = json.loads(text)
    data = Path(fields["data"])
    if "bootstrap" not in fields:
        return EmbeddedSource(data)
    return KafkaSource(data, fields["bootstrap"], fields["topic"], commands_topic=fields["commands_topic"])
