"""Finds the member of a group that has the partition, and the address at which other servers reach it."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka.errors import describe_error
from ordertrail_server.log.port import LogUnavailable

_PREFIX = "ordertrail@"


def client_id_of(address: str) -> str:
    """Return the client id of a member that other servers reach at this address."""
    return f"{_PREFIX}{address}"


def find_leader_address(admin: AdminClient, group: str, timeout_s: float) -> str:
    """Return the address of the member with the partition; empty if there is none. Blocks. Raises LogUnavailable."""
    try:
        description = admin.describe_consumer_groups([group], request_timeout=timeout_s)[group].result()
    except KafkaException as error:
        raise LogUnavailable(f"the group {group} cannot be described: {describe_error(error.args[0])}") from error
    for member in description.members:
        if member.assignment.topic_partitions and member.client_id.startswith(_PREFIX):
            return str(member.client_id.removeprefix(_PREFIX))
    return ""
