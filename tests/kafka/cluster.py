"""A development cluster of Apache Kafka on this machine: loopback only, free ports, no container."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from confluent_kafka import KafkaException, Uuid
from confluent_kafka.admin import AdminClient
from tests.kafka.node import Node
from tests.kafka.relays import Relays, broker_name
from tests.ports import find_free_ports

from ordertrail_server.log.deadline import Deadline

READY_SECONDS = 240.0
# The listeners for connections between brokers. Clients have another one.
BROKER_LISTENERS = ("CONTROLLER", "REPLICATION")


@dataclass(frozen=True, slots=True)
class Setup:
    """Additional settings of the nodes of a cluster. The plain listener always exists, for the operator."""

    protocols: Sequence[str] = ()
    """The security protocols of additional listeners, by Kafka's names."""

    properties: Mapping[str, str] = field(default_factory=dict)
    """Additional entries of server.properties."""

    users: Sequence[str] = ()
    """SCRAM credentials, as arguments of kafka-storage."""

    separable: bool = False
    """True if tests may cut brokers off from one another."""


PLAIN = Setup()


class Cluster:
    """Nodes 1 to n, each a broker and a controller. `bootstrap` are the bootstrap servers of clients.

    `secured` are the bootstrap servers of the additional listeners, by protocol. `version` is Kafka's, by default that
    of pom.xml.
    """

    def __init__(self, directory: Path, brokers: int = 1, version: str = "", setup: Setup = PLAIN) -> None:
        names = ("PLAINTEXT", *BROKER_LISTENERS, *setup.protocols)
        free = iter(find_free_ports(brokers * len(names)))
        ports = [{name: next(free) for name in names} for _ in range(brokers)]
        self._relays = (
            Relays([[node_ports[name] for name in BROKER_LISTENERS] for node_ports in ports])
            if setup.separable
            else None
        )
        hosts = {number: broker_name(number) if self._relays else "127.0.0.1" for number in range(1, brokers + 1)}
        voters = ",".join(
            f"{number}@{hosts[number]}:{node_ports['CONTROLLER']}" for number, node_ports in enumerate(ports, 1)
        )
        shared = _properties(brokers) | dict(setup.properties) | {"controller.quorum.voters": voters}
        addresses = {name: ",".join(f"127.0.0.1:{node_ports[name]}" for node_ports in ports) for name in names}
        self.bootstrap = addresses["PLAINTEXT"]
        self.secured = {protocol: addresses[protocol] for protocol in setup.protocols}
        self.nodes = [
            Node(
                directory / f"node-{number}",
                shared | _node_properties(number, node_ports, hosts[number]),
                version,
                setup.users,
                self._relays.hosts_of(number) if self._relays else "",
            )
            for number, node_ports in enumerate(ports, 1)
        ]

    def start(self, *options: str) -> None:
        """Start all nodes with additional options of Java, and return when each serves clients."""
        if self._relays is not None:
            self._relays.start()
        cluster_id = str(Uuid(0x4F72646572747261, 0x696C2064657600))
        for node in self.nodes:
            node.format(cluster_id)
            node.start(*options)
        self.await_ready()

    def close(self) -> None:
        """Kill all nodes."""
        for node in self.nodes:
            node.kill()
        if self._relays is not None:
            self._relays.close()

    def cut_off(self, node: Node) -> None:
        """Disconnect a node from the others. Clients can still connect to it. The cluster must be separable."""
        assert self._relays is not None
        self._relays.cut_off(1 + self.nodes.index(node))

    def join(self, node: Node) -> None:
        """Reconnect a disconnected node to the others."""
        assert self._relays is not None
        self._relays.join(1 + self.nodes.index(node))

    def await_ready(self) -> None:
        """Return when every broker serves clients. Raises RuntimeError if one has ended, TimeoutError."""
        deadline = Deadline(READY_SECONDS)
        admin = self._create_admin()
        while not deadline.has_passed():
            for node in self.nodes:
                node.check()
            try:
                if self._all_listen() and len(admin.list_topics(timeout=0.5).brokers) == len(self.nodes):
                    return
            except KafkaException:
                # A client may find no broker any more after a starting one has answered that there is none.
                admin = self._create_admin()
            time.sleep(0.02)
        raise TimeoutError(f"the cluster was not ready after {READY_SECONDS} seconds")

    def _create_admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 100})

    def _all_listen(self) -> bool:
        for address in self.bootstrap.split(","):
            host, port = address.split(":")
            with socket() as probe:
                if probe.connect_ex((host, int(port))):
                    return False
        return True


@contextmanager
def run_cluster(directory: Path, brokers: int = 1, version: str = "", setup: Setup = PLAIN) -> Iterator[Cluster]:
    """Run a cluster whose data is in the directory, and kill its nodes at the end. Raises KafkaMissing."""
    cluster = Cluster(directory, brokers, version, setup)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def _properties(brokers: int) -> dict[str, str]:
    replicas, in_sync = str(min(brokers, 3)), str(min(brokers, 2))
    properties = {
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "REPLICATION",
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "group.initial.rebalance.delay.ms": "0",
        # The cluster soon notices that a node was killed, and that it was restarted.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "250",
    }
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        properties |= {f"{topic}.num.partitions": "1", f"{topic}.replication.factor": replicas}
    for topic in ("transaction.state.log", "share.coordinator.state.topic"):
        properties[f"{topic}.min.isr"] = in_sync
    return properties


def _node_properties(number: int, ports: Mapping[str, int], host: str) -> dict[str, str]:
    advertised_hosts = {name: host if name in BROKER_LISTENERS else "127.0.0.1" for name in ports}
    protocols = ",".join(f"{name}:{'PLAINTEXT' if name in BROKER_LISTENERS else name}" for name in ports)
    return {
        "node.id": str(number),
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "advertised.listeners": ",".join(f"{name}://{advertised_hosts[name]}:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": protocols,
    }
