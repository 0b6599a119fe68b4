"""A development cluster of Apache Kafka on this machine: loopback only, free ports, no container."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from confluent_kafka import KafkaException, Uuid
from confluent_kafka.admin import AdminClient
from tests.kafka.node import Node

READY_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What the nodes of a cluster have beside what all have; the plain listener stays, as their operator's way in."""

    protocols: Sequence[str] = ()
    """The security protocols of further listeners, by Kafka's names."""

    properties: Mapping[str, str] = field(default_factory=dict)
    """What stands in server.properties beside addresses."""

    users: Sequence[str] = ()
    """SCRAM credentials, as kafka-storage takes them."""


OPEN = Setup()


class Cluster:
    """Nodes 1 to n, each a broker and a controller; `bootstrap` is where clients begin.

    `secured` has the same by protocol, of the further listeners. `version` is Kafka's; without it, the pom's.
    """

    def __init__(self, directory: Path, brokers: int = 1, version: str = "", setup: Setup = OPEN) -> None:
        names = ("PLAINTEXT", "CONTROLLER", *setup.protocols)
        free = iter(free_ports(brokers * len(names)))
        ports = [{name: next(free) for name in names} for _ in range(brokers)]
        voters = ",".join(f"{number}@127.0.0.1:{of['CONTROLLER']}" for number, of in enumerate(ports, 1))
        shared = _properties(brokers) | dict(setup.properties) | {"controller.quorum.voters": voters}
        addresses = {name: ",".join(f"127.0.0.1:{of[name]}" for of in ports) for name in names}
        self.bootstrap = addresses["PLAINTEXT"]
        self.secured = {protocol: addresses[protocol] for protocol in setup.protocols}
        self.nodes = [
            Node(directory / f"node-{number}", shared | _own(number, of), version, setup.users)
            for number, of in enumerate(ports, 1)
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
def running(directory: Path, brokers: int = 1, version: str = "", setup: Setup = OPEN) -> Iterator[Cluster]:
    """Run a cluster whose data lies in the directory; its nodes are killed at the end. Raises KafkaMissing."""
    cluster = Cluster(directory, brokers, version, setup)
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


def _own(number: int, ports: Mapping[str, int]) -> dict[str, str]:
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    protocols = ",".join(f"{name}:{'PLAINTEXT' if name == 'CONTROLLER' else name}" for name in ports)
    return {
        "node.id": str(number),
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": protocols,
    }


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
