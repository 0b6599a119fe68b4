"""Which log a process works on, and where its own files lie. Both kinds are opened alike."""

import argparse
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ordertrail_server.log.data_directory import DataDirectory, create_directory, open_to_serve
from ordertrail_server.log.embedded.file import TOPIC
from ordertrail_server.log.embedded.in_use import open_when_free
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log
from ordertrail_server.storage.lock import DataDirectoryRefused, locked

if TYPE_CHECKING:  # whoever works on an embedded log needs no Kafka client, which takes a while to load
    from ordertrail_server.log.kafka.producer import HeadersOf
    from ordertrail_server.log.kafka.settings import Value


class LogSource(Protocol):
    """A log that can be opened."""

    @property
    def data(self) -> Path:
        """The directory of the process's own files."""

    @property
    def notifies_growth(self) -> bool:
        """Whether whoever waits for more is woken by the log itself, whoever wrote."""

    async def open(self, stack: AsyncExitStack) -> Log:
        """Open the log for a server, which holds the data directory alone until `held` is closed.

        Raises DataDirectoryRefused, TopicRefused, KafkaSettingRefused, LogDamaged, LogUnavailable, OSError.
        """

    async def follow(self) -> Log:
        """Open the log to read it beside whoever serves the data directory. Raises as `open` does."""

    def arguments(self) -> list[str]:
        """Return the arguments by which a process of its own finds the same log; see `source_of`."""


@dataclass(frozen=True, slots=True)
class EmbeddedSource:
    """The log in the data directory itself."""

    data: Path
    notifies_growth = False

    async def open(self, stack: AsyncExitStack) -> Log:
        """Open the directory's log, or begin one where nothing lies yet."""
        return await open_when_free(partial(open_to_serve, self.data))

    async def follow(self) -> Log:
        """Open it to read."""
        return EmbeddedLog.follow(self.data)

    def arguments(self) -> list[str]:
        """Return the data directory alone."""
        return ["--data", str(self.data)]


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """The log on a Kafka topic; what librdkafka is to know beside the brokers comes from the environment."""

    data: Path
    bootstrap: str
    topic: str = TOPIC
    headers_of: "HeadersOf" = lambda _: []
    notifies_growth = True

    async def open(self, stack: AsyncExitStack) -> Log:
        """Open the topic, and hold the data directory, which is made if it does not exist."""
        create_directory(self.data)
        stack.enter_context(locked(self.data))
        if DataDirectory(self.data).log.exists():
            raise DataDirectoryRefused(
                f"{self.data} holds an embedded log, which would be left out. Name another directory, or copy the log "
                "to the topic first."
            )
        return await self._open(self.headers_of)

    async def follow(self) -> Log:
        """Open the topic to read it."""
        return await self._open(None)

    async def _open(self, headers_of: "HeadersOf | None") -> Log:
        from ordertrail_server.log.kafka.environment import settings_from_environment
        from ordertrail_server.log.kafka.log import KafkaLog

        settings: dict[str, Value] = {**settings_from_environment(os.environ), "bootstrap.servers": self.bootstrap}
        return await KafkaLog.open(settings, self.topic, headers_of=headers_of)

    def arguments(self) -> list[str]:
        """Return the data directory, the brokers and the topic; secrets stay in the environment."""
        return ["--data", str(self.data), "--bootstrap", self.bootstrap, "--topic", self.topic]


def add_arguments(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], LogSource]:
    """Let a program take the arguments of a source; returns what reads them."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data directory")
    parser.add_argument("--bootstrap", metavar="HOST:PORT,…", help="brokers of a Kafka cluster; without it, embedded")
    parser.add_argument("--topic", default=TOPIC, help="the topic of the log")

    def read(namespace: argparse.Namespace) -> LogSource:
        return (
            KafkaSource(namespace.data, namespace.bootstrap, namespace.topic)
            if namespace.bootstrap
            else EmbeddedSource(namespace.data)
        )

    return read
