"""A development cluster of Apache Kafka on this machine: loopback only, free ports, no container."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from socket import socket

from confluent_kafka import KafkaException, Uuid
from confluent_kafka.admin import AdminClient
from tests.kafka.node import Node

READY_SECONDS = 60.0


class Cluster:
    """Nodes 1 to n, each a broker and a controller; `bootstrap` is where clients begin."""

    def __init__(self, directory: Path, brokers: int = 1) -> None:
        ports = _free_ports(2 * brokers)
        listeners, controllers = ports[:brokers], ports[brokers:]
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(controllers, 1))
        shared = _properties(brokers) | {"controller.quorum.voters": voters}
        self.bootstrap = ",".join(f"127.0.0.1:{port}" for port in listeners)
        self.nodes = [
            Node(directory / f"node-{number}", shared | _own(number, listener, controller))
            for number, (listener, controller) in enumerate(zip(listeners, controllers, strict=True), 1)
        ]

    def start(self) -> None:
        """Start all nodes, and return when each serves clients."""
        cluster_id = str(Uuid(0x4F72646572747261, 0x696C2064657600))
        for node in self.nodes:
            node.format(cluster_id)
            node.start()
        self.await_ready()

    def await_ready(self) -> None:
        """Return when every broker serves clients. Raises RuntimeError if one has ended, TimeoutError."""
        deadline = time.monotonic() + READY_SECONDS
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 100})
        while time.monotonic() < deadline:
            for node in self.nodes:
                node.check()
            with suppress(KafkaException):
                if self._all_listen() and len(admin.list_topics(timeout=0.5).brokers) == len(self.nodes):
                    return
            time.sleep(0.02)
        raise TimeoutError(f"the cluster was not ready after {READY_SECONDS} seconds")

    def _all_listen(self) -> bool:
        for address in self.bootstrap.split(","):
            host, port = address.split(":")
            with socket() as probe:
                if probe.connect_ex((host, int(port))):
                    return False
        return True


@contextmanager
def running(directory: Path, brokers: int = 1) -> Iterator[Cluster]:
    """Run a cluster whose data lies in the directory; its nodes are killed at the end. Raises KafkaMissing."""
    cluster = Cluster(directory, brokers)
    with ExitStack() as held:
        for node in cluster.nodes:
            held.callback(node.kill)
        cluster.start()
        yield cluster


def _properties(brokers: int) -> dict[str, str]:
    replicas, in_sync = str(min(brokers, 3)), str(min(brokers, 2))
    properties = {
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "group.initial.rebalance.delay.ms": "0",
        # A killed node is missed, and may come back, soon.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "250",
    }
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        properties |= {f"{topic}.num.partitions": "1", f"{topic}.replication.factor": replicas}
    for topic in ("transaction.state.log", "share.coordinator.state.topic"):
        properties[f"{topic}.min.isr"] = in_sync
    return properties


def _own(number: int, listener: int, controller: int) -> dict[str, str]:
    return {
        "node.id": str(number),
        "listeners": f"PLAINTEXT://127.0.0.1:{listener},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{listener},CONTROLLER://127.0.0.1:{controller}",
    }


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
