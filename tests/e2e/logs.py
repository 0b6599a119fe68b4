"""The kinds of log of a server. Its guarantees are the same on each."""

from abc import ABC, abstractmethod
from itertools import count
from pathlib import Path

from tests.e2e.kafka.servers import create_empty_topic, create_server
from tests.e2e.reference_fold import ReferenceFold, fold_log
from tests.e2e.running_server import RunningServer
from tests.kafka.cluster import Cluster

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.kafka.log import KafkaLog

PARTITIONS = 3
_numbers = count(1)


class LogOfServer(ABC):
    """An empty log for one server. It can be in the server's data directory."""

    @abstractmethod
    def server(self, data: Path) -> RunningServer:
        """Return a server on this log that has not started."""

    @abstractmethod
    async def fold(self) -> ReferenceFold:
        """Read the whole log, even while the server uses it."""


class Embedded(LogOfServer):
    def server(self, data: Path) -> RunningServer:
        self._data = data
        return RunningServer(data)

    async def fold(self) -> ReferenceFold:
        return await fold_log(EmbeddedLog.follow(self._data))


class OnKafka(LogOfServer):
    """A topic of several partitions; one more for submitted commands if `has_commands` is true."""

    def __init__(self, cluster: Cluster, *, has_commands: bool = False) -> None:
        self._cluster, self._topic = cluster, create_empty_topic(cluster, f"e2e.{next(_numbers)}", PARTITIONS)
        if has_commands:
            create_empty_topic(cluster, f"{self._topic}.commands", PARTITIONS)

    def server(self, data: Path) -> RunningServer:
        return create_server(self._cluster, self._topic, data, "command,projector,query")

    async def fold(self) -> ReferenceFold:
        return await fold_log(await KafkaLog.open({"bootstrap.servers": self._cluster.bootstrap}, self._topic))
