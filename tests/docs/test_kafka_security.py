"""The security set-ups of docs/kafka.md, against a broker with TLS, passwords, certificates and ACLs."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import ResourceType  # type: ignore[attr-defined]  # the package marks no exports
from tests.docs.kafka_page import PAGE, acl_operations, security_settings
from tests.docs.pages import read_table
from tests.e2e.kafka.servers import create_server, run_servers
from tests.e2e.running_server import wait_until_serving
from tests.kafka.certificates import create_certificates
from tests.kafka.cluster import Cluster, run_cluster
from tests.kafka.secured_cluster import CERTIFIED, GROUP, PASSWORD, TOPIC, USER, grant, secured_setup

from ordertrail.client import connect, line
from ordertrail.v1.subscription_service_pb2 import DeliveryOutcome
from ordertrail_server.cli.main import ordertrail
from ordertrail_server.edge.service_descriptors import HISTORY, SUBSCRIPTIONS as SUBSCRIPTION_SERVICE
from ordertrail_server.log.kafka.environment import settings_from_environment
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.settings import FIXED
from ordertrail_server.log.kafka.topic import create_topic, describe_topic
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.log.topic_name import ORDER_COMMANDS, ORDER_EVENTS

SCRAM, PLAIN, CERTIFICATE = range(3)
SUBSCRIPTIONS = "orders.subscriptions"


class Secured(NamedTuple):
    cluster: Cluster
    settings: list[dict[str, str]]


@pytest.fixture(scope="module")
def brokers(kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A cluster with every set-up of the page. Its users may do the operations that the page lists."""
    certificates = tmp_path_factory.mktemp("certificates")
    create_certificates(certificates)
    settings = security_settings({"/etc/ordertrail": str(certificates), "…": PASSWORD})
    with run_cluster(tmp_path_factory.mktemp("secured"), setup=secured_setup(certificates)) as cluster:
        for topic in (ORDER_EVENTS, ORDER_COMMANDS, SUBSCRIPTIONS):
            create_topic({"bootstrap.servers": cluster.bootstrap}, topic, partitions=1, replicas=1)
        grant(cluster, USER, rights_of("command"))
        grant(cluster, CERTIFIED, rights_of("query") | subscription_rights())
        yield Secured(cluster, settings)


def rights_of(role: str) -> dict[tuple[ResourceType, str], list[str]]:
    topics = dict.fromkeys([(TOPIC, ORDER_EVENTS), (TOPIC, ORDER_COMMANDS)], acl_operations(role, "topics"))
    return {**topics, (GROUP, "ordertrail"): acl_operations(role, "group ordertrail")}


def subscription_rights() -> dict[tuple[ResourceType, str], list[str]]:
    operations = acl_operations("query", "topics") + acl_operations("query", f"topic {SUBSCRIPTIONS}")
    return {
        (TOPIC, SUBSCRIPTIONS): operations,
        (GROUP, SUBSCRIPTIONS): acl_operations("query", f"group {SUBSCRIPTIONS}"),
    }


def server_settings(brokers: Secured, set_up: int) -> dict[str, str]:
    """Return a server's settings for a set-up, without their prefix."""
    variables = brokers.settings[set_up]
    address = brokers.cluster.secured[variables["ORDERTRAIL_KAFKA_SECURITY_PROTOCOL"]]
    return {name.removeprefix("ORDERTRAIL_"): value for name, value in variables.items()} | {"BOOTSTRAP": address}


def test_documentation_page_shows_each_set_up_once(brokers: Secured) -> None:
    mechanisms = [variables.get("ORDERTRAIL_KAFKA_SASL_MECHANISMS") for variables in brokers.settings]
    assert mechanisms == ["SCRAM-SHA-512", "PLAIN", None]
    assert acl_operations("command", "topics") == ["READ", "DESCRIBE_CONFIGS", "WRITE"]
    assert acl_operations("query", "topics") == ["READ", "DESCRIBE_CONFIGS"]
    assert acl_operations("query", "group ordertrail") == ["DESCRIBE"]
    assert acl_operations("query", f"topic {SUBSCRIPTIONS}") == ["WRITE", "DELETE"]
    assert acl_operations("query", f"group {SUBSCRIPTIONS}") == ["READ", "DESCRIBE"]


@pytest.mark.parametrize("set_up", [SCRAM, PLAIN], ids=["SCRAM", "PLAIN"])
async def test_command_server_with_password_and_query_server_with_certificate(
    brokers: Secured, tmp_path: Path, set_up: int
) -> None:
    commands = create_server(
        brokers.cluster, ORDER_EVENTS, tmp_path / "commands", "command", **server_settings(brokers, set_up)
    )
    reads = create_server(
        brokers.cluster, ORDER_EVENTS, tmp_path / "reads", "projector,query", **server_settings(brokers, CERTIFICATE)
    )
    with run_servers(commands, reads):
        await wait_until_serving(reads.address, HISTORY.full_name)
        async with connect(commands.address) as orders, connect(reads.address) as history:
            receipt = await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
            order = await history.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            assert order.customer_id == "shop-1"
            await wait_until_serving(reads.address, SUBSCRIPTION_SERVICE.full_name)
            await history.create_subscription(f"mails-{set_up}")
            async with asyncio.timeout(60), history.consume(f"mails-{set_up}") as consumer:
                assert (
                    await consumer.acknowledge(await anext(consumer)) == DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED
                )


async def test_log_opens_without_rights_to_its_commands(brokers: Secured, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_from_environment(brokers.settings[CERTIFICATE])
    settings["bootstrap.servers"] = brokers.cluster.secured["SSL"]
    permitted = await KafkaLog.open(settings, commands_topic=ORDER_COMMANDS)
    assert permitted.commands is not None
    await permitted.close()
    caplog.set_level(logging.WARNING, KafkaLog.__module__)  # commands that ran here have raised it
    log = await KafkaLog.open(settings, commands_topic="commands.of.others")
    assert log.commands is None
    assert "The topic commands.of.others cannot be described" in caplog.text
    assert "Topic authorization failed" in caplog.text
    await log.close()


def test_check_notes_missing_rights_to_the_commands(brokers: Secured) -> None:
    variables = brokers.settings[CERTIFICATE] | {"ORDERTRAIL_BOOTSTRAP": brokers.cluster.secured["SSL"]}
    arguments = ["topics", "check", "--commands-topic", "commands.of.others"]
    result = CliRunner(env=variables).invoke(ordertrail, arguments)
    assert result.exit_code == 0, result.output
    assert "note    The topic commands.of.others cannot be described" in result.stdout


def test_error_names_a_wrong_password_as_the_reason(brokers: Secured) -> None:
    variables = brokers.settings[SCRAM] | {"ORDERTRAIL_KAFKA_SASL_PASSWORD": "guessed"}
    settings = {**settings_from_environment(variables), "bootstrap.servers": brokers.cluster.secured["SASL_SSL"]}
    text = ""
    while "SASL authentication error" not in text:  # a slow broker has not answered yet
        with pytest.raises(LogUnavailable) as unavailable:
            describe_topic(settings, ORDER_EVENTS)
        text = str(unavailable.value)
    assert "guessed" not in text


def test_kafka_page_lists_every_refused_setting() -> None:
    names = [name.strip(" `") for cell, _ in read_table(PAGE, "refused") for name in cell.split(",")]
    assert sorted(names) == sorted(FIXED)
