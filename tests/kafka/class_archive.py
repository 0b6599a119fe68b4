"""An archive of the classes that a broker loads. With it a broker starts in half the CPU time."""

import os
import tempfile
from pathlib import Path

from tests.kafka.cluster import Cluster
from tests.kafka.distribution import find_class_archive
from tests.kafka.topics import recreate_topic


def record_class_archive() -> None:
    """Write the archive beside the jars in the user's cache, unless it exists or may not. Raises KafkaMissing."""
    archive = find_class_archive()
    if archive.exists() or not os.access(archive.parent, os.W_OK):
        return
    with tempfile.TemporaryDirectory(dir=archive.parent) as unfinished:
        recorded = Path(unfinished) / archive.name
        cluster = Cluster(Path(unfinished) / "kafka")
        try:
            cluster.start(f"-XX:ArchiveClassesAtExit={recorded}")
            recreate_topic(cluster)
            cluster.nodes[0].stop()
        finally:
            cluster.close()
        # A Java that writes no archive starts brokers without one.
        if recorded.exists():
            recorded.replace(archive)
