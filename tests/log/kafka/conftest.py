"""A broker of an older release, for the tests of this directory."""

from collections.abc import Iterator

import pytest
from tests.conftest import require_kafka
from tests.kafka.cluster import Cluster, run_cluster
from tests.kafka.distribution import OLDER


@pytest.fixture(scope="module")
def older_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker of the last release before Kafka 4."""
    require_kafka(OLDER)
    with run_cluster(tmp_path_factory.mktemp("older"), version=OLDER) as cluster:
        yield cluster
