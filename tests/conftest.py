"""Settings of all tests, the worker on which each of them runs, and a Kafka broker for those that need one."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.kafka.cluster import Cluster, run_cluster
from tests.kafka.distribution import KafkaMissing, fetch_jars, find_java

# A shell that starts a job in the background has it ignore Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is.
settings.register_profile("any machine", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

BROKER_FIXTURES = {"kafka", "cluster", "older_cluster"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the group whose tests `--dist loadgroup` runs on one worker."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group_of(item)))


def _group_of(item: pytest.Item) -> str:
    """Return the fixtures that the test shares: brokers, the checkout of the next release, or those of its file."""
    fixtures = set(getattr(item, "fixturenames", ()))
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if fixtures & BROKER_FIXTURES or "kafka" in parameters:
        return "kafka"
    if "next_release" in fixtures:
        return "next_release"
    return item.nodeid.partition("::")[0]


def need(version: str = "") -> None:
    """Where Kafka cannot be run the tests are skipped, but in CI they fail."""
    try:
        find_java(), fetch_jars(version)
    except KafkaMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def kafka() -> None:
    """For tests that run brokers of their own."""
    need()


@pytest.fixture(scope="session")
def cluster(kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker, started once."""
    with run_cluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster
