"""What docs/kafka.md says about security, against a broker with TLS, passwords, certificates and rights."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.docs.kafka_page import PAGE, rights, security_settings
from tests.docs.pages import table
from tests.e2e.kafka.servers import a_server, started
from tests.e2e.running_server import until_serving
from tests.kafka.certificates import create_certificates
from tests.kafka.cluster import Cluster, run_cluster
from tests.kafka.secured_cluster import CERTIFIED, PASSWORD, USER, grant, secured_setup

from ordertrail.client import connect, line
from ordertrail_server.edge.server import HISTORY
from ordertrail_server.log.kafka.environment import settings_from_environment
from ordertrail_server.log.kafka.settings import FIXED
from ordertrail_server.log.kafka.topic import ORDER_EVENTS, create_topic, describe_topic
from ordertrail_server.log.port import LogUnavailable

SCRAM, PLAIN, CERTIFICATE = range(3)


class Secured(NamedTuple):
    cluster: Cluster
    settings: list[dict[str, str]]


@pytest.fixture(scope="module")
def brokers(kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A cluster that offers all that the page shows, and gives its users the rights that the page names."""
    certificates = tmp_path_factory.mktemp("certificates")
    create_certificates(certificates)
    told = security_settings({"/etc/ordertrail": str(certificates), "…": PASSWORD})
    with run_cluster(tmp_path_factory.mktemp("secured"), setup=secured_setup(certificates)) as cluster:
        create_topic({"bootstrap.servers": cluster.bootstrap}, partitions=1, replicas=1)
        for user, role in ((USER, "command"), (CERTIFIED, "query")):
            grant(cluster, user, rights(role, "topic"), rights(role, "group"))
        yield Secured(cluster, told)


def short(brokers: Secured, way: int) -> dict[str, str]:
    """Return a server's settings for this way in, without their prefix."""
    told = brokers.settings[way]
    address = brokers.cluster.secured[told["ORDERTRAIL_KAFKA_SECURITY_PROTOCOL"]]
    return {name.removeprefix("ORDERTRAIL_"): value for name, value in told.items()} | {"BOOTSTRAP": address}


def test_the_page_shows_each_way_once(brokers: Secured) -> None:
    shown = [told.get("ORDERTRAIL_KAFKA_SASL_MECHANISMS") for told in brokers.settings]
    assert shown == ["SCRAM-SHA-512", "PLAIN", None]
    assert rights("command", "topic") == ["READ", "DESCRIBE_CONFIGS", "WRITE"]
    assert rights("query", "topic") == ["READ", "DESCRIBE_CONFIGS"]
    assert rights("query", "group") == ["DESCRIBE"]


@pytest.mark.parametrize("way", [SCRAM, PLAIN], ids=["SCRAM", "PLAIN"])
async def test_orders_are_taken_by_password_and_read_by_certificate(brokers: Secured, tmp_path: Path, way: int) -> None:
    commands = a_server(brokers.cluster, ORDER_EVENTS, tmp_path / "commands", "command", **short(brokers, way))
    reads = a_server(
        brokers.cluster, ORDER_EVENTS, tmp_path / "reads", "projector,query", **short(brokers, CERTIFICATE)
    )
    with started(commands, reads):
        await until_serving(reads.address, HISTORY.full_name)
        async with connect(commands.address) as orders, connect(reads.address) as history:
            receipt = await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
            order = await history.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            assert order.customer_id == "shop-1"


def test_wrong_password_is_named_as_the_reason(brokers: Secured) -> None:
    told = brokers.settings[SCRAM] | {"ORDERTRAIL_KAFKA_SASL_PASSWORD": "guessed"}
    settings = {**settings_from_environment(told), "bootstrap.servers": brokers.cluster.secured["SASL_SSL"]}
    said = ""
    while "SASL authentication error" not in said:  # a slow broker has not answered yet
        with pytest.raises(LogUnavailable) as unavailable:
            describe_topic(settings, ORDER_EVENTS)
        said = str(unavailable.value)
    assert "guessed" not in said


def test_the_page_names_every_setting_that_is_refused() -> None:
    named = [name.strip(" `") for names, _ in table(PAGE, "refused") for name in names.split(",")]
    assert sorted(named) == sorted(FIXED)
