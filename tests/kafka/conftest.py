"""A real broker for the tests of this directory, started once."""

import os
from collections.abc import Iterator

import pytest
from tests.kafka.cluster import Cluster, running
from tests.kafka.distribution import KafkaMissing, jars, java


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker. Where Kafka cannot be run the tests are skipped, but in CI they fail."""
    try:
        java(), jars()
    except KafkaMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    with running(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster
