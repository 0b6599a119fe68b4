"""The checks of `ordertrail doctor` for the settings of one server: what surrounds it, its log and its files."""

import logging
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from time import time_ns

from ordertrail_server.configured_log import create_source
from ordertrail_server.doctor.certificates import check_certificates
from ordertrail_server.doctor.clock import check_clock
from ordertrail_server.doctor.directory import check_files, check_kinds, check_permissions, check_server
from ordertrail_server.doctor.disk import check_space, forecast_space
from ordertrail_server.doctor.finding import Finding, Status, error
from ordertrail_server.doctor.heads import check_heads
from ordertrail_server.doctor.policy import check_policy
from ordertrail_server.doctor.stores import check_stores
from ordertrail_server.doctor.versions import check_descriptors, check_sqlite
from ordertrail_server.edge.address import parse_address
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Log
from ordertrail_server.log.topic_name import commands_topic_of, subscriptions_topic_of
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.settings import Settings

CONNECT_SECONDS = 10.0
LOG = "log"


async def examine(settings: Settings, warn_days: float) -> AsyncIterator[Finding]:
    """Yield the findings of all checks. Writes nothing, and takes no lock.

    A disk that will be full within `warn_days` is a warning.
    """
    data = DataDirectory(settings.data)
    files = check_files(data, is_embedded=settings.log == "embedded")
    kinds, topics = list(check_kinds(data)), _check_topics(settings) if settings.log == "kafka" else []
    about_directory = (files, *kinds, check_server(data), *check_permissions(data))
    for finding in (*_check_surroundings(settings), *about_directory, *topics):
        yield finding
    # A server refuses unsafe topics as well, and does not open them.
    about_log = [*(topics or [files]), *kinds]
    if all(finding.status is not Status.ERROR for finding in about_log) and _has_log(settings, data):
        async for finding in _check_log(settings, data, warn_days):
            yield finding


def _has_log(settings: Settings, data: DataDirectory) -> bool:
    return settings.log == "kafka" or data.log.exists()


def _check_surroundings(settings: Settings) -> Iterator[Finding]:
    yield check_sqlite()
    yield check_descriptors()
    yield check_space(settings.data)
    is_local, now = parse_address(settings.listen).is_local, datetime.now(UTC)
    yield check_policy(settings.policy, is_local=is_local)
    yield from check_certificates(settings.certificate_files, settings.webhook_ca, now, is_local=is_local)


def _check_topics(settings: Settings) -> list[Finding]:
    from ordertrail_server.doctor.topics import check_topics  # it loads the Kafka client
    from ordertrail_server.log.kafka.environment import settings_from_environment

    client_settings = {**settings_from_environment(os.environ), "bootstrap.servers": settings.bootstrap}
    commands = settings.commands_topic or commands_topic_of(settings.topic)
    subscriptions = settings.subscriptions_topic or subscriptions_topic_of(settings.topic)
    return check_topics(client_settings, settings.topic, commands, subscriptions)


async def _check_log(settings: Settings, data: DataDirectory, warn_days: float) -> AsyncIterator[Finding]:
    """Yield the findings of the checks that read the log. One that cannot be read is a finding, and ends them."""
    # Notes about the topics are findings already.
    logging.getLogger("ordertrail_server.log.kafka.log").setLevel(logging.ERROR)
    try:
        log = await create_source(settings, CONNECT_SECONDS).follow()
        try:
            async for finding in _read_log(log, data, warn_days):
                yield finding
        finally:
            await log.close()
    except OperatorError as refusal:
        fix = "Check --data, --log and the permissions. If the log is damaged, restore it from a backup."
        yield error(LOG, f"The log cannot be read: {refusal}", fix)


async def _read_log(log: Log, data: DataDirectory, warn_days: float) -> AsyncIterator[Finding]:
    async for finding in check_stores(log, data):
        yield finding
    for finding in await check_heads(log, data.projections):
        yield finding
    yield await check_clock(log, time_ns())
    yield await forecast_space(log, data.path, time_ns(), warn_days)
