"""Brokers, and servers on them, for as long as a measure takes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kafka.cluster import Cluster, running as running_cluster

from benchmarks.servers import SERVE, running
from ordertrail_server.log.kafka.topic import ORDER_EVENTS, create_topic

ALL_ROLES = "command,projector,query"


class Site:
    """A cluster with an empty topic, and room for the files of servers."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder

    @property
    def bootstrap(self) -> str:
        """Where clients begin."""
        return self.cluster.bootstrap

    def arguments(self, name: str, roles: str = ALL_ROLES) -> list[str]:
        """Return the arguments of a server on the topic; its data directory has that name."""
        chosen = [word for role in roles.split(",") for word in ("--role", role)]
        return [*SERVE, str(self.folder / name), "--log", "kafka", "--bootstrap", self.bootstrap, *chosen]

    @contextmanager
    def server(self, name: str, roles: str = ALL_ROLES) -> Iterator[str]:
        """Run a server; yields its address."""
        with running(*self.arguments(name, roles)) as address:
            yield address


@contextmanager
def site(brokers: int = 1, partitions: int = 1) -> Iterator[Site]:
    """Run a cluster of so many brokers with one topic."""
    with tempfile.TemporaryDirectory() as folder, running_cluster(Path(folder) / "kafka", brokers) as cluster:
        settings = {"bootstrap.servers": cluster.bootstrap}
        create_topic(settings, ORDER_EVENTS, partitions=partitions, replicas=min(brokers, 3))
        yield Site(cluster, Path(folder))


def counted(brokers: int) -> str:
    """Return the words for so many brokers."""
    return "1 broker" if brokers == 1 else f"{brokers} brokers"
