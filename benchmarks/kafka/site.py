"""A Kafka cluster and servers on it, for the time of one measurement."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kafka.cluster import Cluster, run_cluster

from benchmarks.server_process import SERVE, run_process, wait_until_serving
from ordertrail_server.log.kafka.topic import create_topic
from ordertrail_server.log.topic_name import ORDER_EVENTS

ALL_ROLES = "command,projector,query"


class Site:
    """A cluster with an empty topic, and a folder for the data of servers."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder

    @property
    def bootstrap(self) -> str:
        """The bootstrap address."""
        return self.cluster.bootstrap

    def build_arguments(self, name: str, roles: str = ALL_ROLES) -> list[str]:
        """Return the arguments of a server on the topic, with a data directory of that name."""
        role_options = [word for role in roles.split(",") for word in ("--role", role)]
        return [*SERVE, str(self.folder / name), "--log", "kafka", "--bootstrap", self.bootstrap, *role_options]

    @contextmanager
    def server(self, name: str, roles: str = ALL_ROLES) -> Iterator[str]:
        """Run a server; yield its address once the log is folded."""
        with run_process(*self.build_arguments(name, roles)) as address:
            wait_until_serving(address)
            yield address


@contextmanager
def run_site(brokers: int = 1, partitions: int = 1) -> Iterator[Site]:
    """Run a cluster with one topic."""
    with tempfile.TemporaryDirectory() as folder, run_cluster(Path(folder) / "kafka", brokers) as cluster:
        settings = {"bootstrap.servers": cluster.bootstrap}
        create_topic(settings, ORDER_EVENTS, partitions=partitions, replicas=min(brokers, 3))
        yield Site(cluster, Path(folder))


def format_brokers(brokers: int) -> str:
    """Return "1 broker", "3 brokers"."""
    return "1 broker" if brokers == 1 else f"{brokers} brokers"
