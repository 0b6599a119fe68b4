"""Texts about backups."""

import os
from typing import TYPE_CHECKING

from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.backup.backup_content import BackupContent
    from ordertrail_server.log.data_directory import DataDirectory

KAFKA = (
    "A log on Kafka is backed up by `ordertrail log copy --to data`, and restored to a new topic by `ordertrail log "
    "copy --to topic`."
)


class LogElsewhere(OperatorError):
    """The data directory has no log, or its server uses another one."""


def refuse_kafka(data: "DataDirectory") -> None:
    """Raise LogElsewhere if the directory has no log, or the environment says that the log is on Kafka."""
    if not data.log.exists():
        raise LogElsewhere(f"{data.path} holds no log ({data.log.name}). {KAFKA}")
    refuse_kafka_setting()


def refuse_kafka_setting() -> None:
    """Raise LogElsewhere if the environment says that the log is on Kafka."""
    if os.environ.get("ORDERTRAIL_LOG") == "kafka":
        raise LogElsewhere(f"ORDERTRAIL_LOG is kafka. {KAFKA}")


def describe_content(content: "BackupContent") -> str:
    """Return the counts of a backup: its records, submitted commands and subscriptions."""
    return (
        f"{_count(content.record_count, 'record')}, {_count(content.command_count, 'submitted command')} and "
        f"{_count(content.subscription_count, 'subscription')}"
    )


def describe_fault(content: "BackupContent") -> str:
    """Return a sentence about the records that break the chain of their order, in the log as in the backup."""
    fault = content.fault
    if fault is None:
        return ""
    return (
        f"The log itself has broken chains: {_count(content.fault_count, 'record')}, the first at partition "
        f"{fault.partition}, offset {fault.offset}: {fault.detail}. The backup has what the log has."
    )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
