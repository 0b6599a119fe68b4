"""Settings of all tests, the worker on which each of them runs, and a Kafka broker for those that need one."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.forked_process import stop_fork_server
from tests.kafka.class_archive import record_class_archive
from tests.kafka.cluster import Cluster, run_cluster
from tests.kafka.distribution import KafkaMissing, fetch_jars, find_java
from tests.worker_groups import GroupScheduling, group_of, order_of

# A shell that starts a job in the background has it ignore Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# buf ends before it would have to collect its garbage.
os.environ.setdefault("GOGC", "off")

# How long an example takes says how busy the machine is.
settings.register_profile("any machine", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

BROKER_FIXTURES = {"kafka", "cluster", "older_cluster"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Run the tests of one group on one worker, and the groups in the order of `pytest_collection_modifyitems`."""
    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the groups, and refuse a test that would start a second broker on another worker."""
    for item in items:
        if BROKER_FIXTURES.intersection(getattr(item, "fixturenames", ())) and group_of(item.nodeid) != "kafka":
            raise pytest.UsageError(f"{item.nodeid} needs a broker: add its file to tests/worker_groups.py")
    items.sort(key=lambda item: order_of(group_of(item.nodeid)))


def pytest_unconfigure() -> None:
    """Stop what this worker has started for all tests."""
    stop_fork_server()


def require_kafka(version: str = "") -> None:
    """Skip the test if Kafka cannot run on this machine. In CI, raise KafkaMissing."""
    try:
        find_java(), fetch_jars(version)
    except KafkaMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def kafka() -> None:
    """Kafka is installed; the test starts its own brokers."""
    require_kafka()
    record_class_archive()


@pytest.fixture(scope="session")
def cluster(kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker, started once."""
    with run_cluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster
