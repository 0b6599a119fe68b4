"""A partition gets other replicas. No client in Python can ask for it, so the request is written out here.

AlterPartitionReassignments, version 0, of Kafka's protocol guide; any broker passes it on to the controller.
"""

import socket
import struct
from collections.abc import Sequence

from tests.kafka.cluster import Cluster

API_KEY, VERSION, TIMEOUT_MS = 45, 0, 10_000
NO_TAGS = b"\x00"


def reassign(cluster: Cluster, topic: str, partition: int, brokers: Sequence[int]) -> None:
    """Give a partition replicas on these brokers; returns when that was taken on, and before they have caught up."""
    of_partition = struct.pack(">i", partition) + _array([struct.pack(">i", broker) for broker in brokers]) + NO_TAGS
    of_topic = _string(topic) + _array([of_partition]) + NO_TAGS
    body = struct.pack(">i", TIMEOUT_MS) + _array([of_topic]) + NO_TAGS
    header = struct.pack(">hhih", API_KEY, VERSION, 0, -1) + NO_TAGS
    host, port = cluster.bootstrap.split(",")[0].split(":")
    with socket.create_connection((host, int(port)), TIMEOUT_MS / 1000) as broker, broker.makefile("rb") as answers:
        broker.sendall(struct.pack(">i", len(header + body)) + header + body)
        answer = answers.read(struct.unpack(">i", answers.read(4))[0])
    # The correlation id, tags, throttle time, and then the error of the whole and that of the one partition.
    if struct.unpack(">h", answer[9:11]) != (0,) or struct.pack(">ih", partition, 0) not in answer:
        raise RuntimeError(f"the brokers refused: {answer!r}")


def _array(items: Sequence[bytes]) -> bytes:
    return bytes([len(items) + 1]) + b"".join(items)


def _string(text: str) -> bytes:
    return bytes([len(text) + 1]) + text.encode()
