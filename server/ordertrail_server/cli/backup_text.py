"""Texts about backups."""

import os
from typing import TYPE_CHECKING

import click

from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.backup.backup_content import BackupContent
    from ordertrail_server.log.data_directory import DataDirectory

KAFKA = (
    "A log on Kafka is backed up by `ordertrail log copy --to data`, and restored by `ordertrail log copy --to topic` to a "
    "new topic."
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


def warn_of_faults(content: "BackupContent") -> None:
    """Warn of records that break the chain of their order, as they do in the log itself."""
    if content.fault is not None:
        place = f"partition {content.fault.partition}, offset {content.fault.offset}"
        click.echo(
            f"{_count(content.fault_count, 'record')} of the log itself break the chain of their order, the first at "
            f"{place}: {content.fault.detail}. The backup has them as the log has them.",
            err=True,
        )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
