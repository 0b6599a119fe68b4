"""Reassigns a partition's replicas. No Python client supports this request, so it is encoded here.

It is AlterPartitionReassignments, version 0, of Kafka's protocol guide. Any broker forwards it to the controller.
"""

import socket
import struct
from collections.abc import Sequence

from tests.kafka.cluster import Cluster

API_KEY, VERSION, TIMEOUT_MS = 45, 0, 10_000
NO_TAGS = b"\x00"


def reassign_replicas(cluster: Cluster, topic: str, partition: int, brokers: Sequence[int]) -> None:
    """Reassign a partition to these brokers. Return once the cluster accepts it, before the replicas have caught up."""
    partition_part = struct.pack(">i", partition) + _array([struct.pack(">i", broker) for broker in brokers]) + NO_TAGS
    topic_part = _string(topic) + _array([partition_part]) + NO_TAGS
    body = struct.pack(">i", TIMEOUT_MS) + _array([topic_part]) + NO_TAGS
    header = struct.pack(">hhih", API_KEY, VERSION, 0, -1) + NO_TAGS
    host, port = cluster.bootstrap.split(",")[0].split(":")
    with socket.create_connection((host, int(port)), TIMEOUT_MS / 1000) as broker, broker.makefile("rb") as answers:
        broker.sendall(struct.pack(">i", len(header + body)) + header + body)
        answer = answers.read(struct.unpack(">i", answers.read(4))[0])
    # The correlation id, tags and throttle time precede the error of the request and that of the partition.
    if struct.unpack(">h", answer[9:11]) != (0,) or struct.pack(">ih", partition, 0) not in answer:
        raise RuntimeError(f"the brokers refused: {answer!r}")


def _array(items: Sequence[bytes]) -> bytes:
    return bytes([len(items) + 1]) + b"".join(items)


def _string(text: str) -> bytes:
    return bytes([len(text) + 1]) + text.encode()
