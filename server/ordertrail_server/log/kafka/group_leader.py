"""Finds the member of a group that has the partition, and the address at which other servers reach it."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka.errors import describe_error
from ordertrail_server.log.kafka.settings import Settings, admin_settings, create_client
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


class GroupLeader:
    """Finds the address again and again with one client, which it replaces whenever a query has failed.

    If a broker is lost during a query about a group, librdkafka may answer no such query of this client again, or
    abort the process once the broker is back. A request for metadata comes first, so that few queries fail.
    """

    def __init__(self, settings: Settings, group: str, timeout_s: float) -> None:
        self._settings, self._group, self._timeout_s = settings, group, timeout_s
        self._admin: AdminClient | None = None

    def find_address(self) -> str:
        """Return the address of the member with the partition; empty if there is none. Blocks. Raises LogUnavailable.

        One thread may call it at a time.
        """
        admin, self._admin = self._admin or create_client(AdminClient, admin_settings(self._settings)), None
        try:
            admin.list_topics(self._group, self._timeout_s)
            address = find_leader_address(admin, self._group, self._timeout_s)
        except KafkaException as error:
            reason = f"no broker answers: {describe_error(error.args[0])}"
        except LogUnavailable as error:
            reason = str(error)
        else:
            self._admin = admin
            return address
        del admin  # the frames of a traceback would keep it, with its threads, until the garbage collector runs
        raise LogUnavailable(reason)
