"""Migrates an embedded log's file from format 1, for the process that serves it."""

import logging

from ordertrail_server.log.embedded.file import LOG_FILE
from ordertrail_server.log.embedded.schema import FORMAT, MIGRATION, SCHEMA
from ordertrail_server.log.port import LogRefused
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.schema import build_schema, read_schema
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage, is_in_use
from ordertrail_server.storage.transaction import execute_statements, transaction

_log = logging.getLogger(__name__)


def migrate(connection: Connection, present_format: int) -> None:
    """Migrate the file to the format that this release writes, if it has an older one, in one durable transaction.

    `connection` is the writer's. The records are not touched. Raises LogRefused if the result would not be the schema
    of a new file, or if the file cannot be written to, and sqlite3.Error for a file that is damaged or in use.
    """
    if present_format == FORMAT:
        return
    try:
        with transaction(connection):
            execute_statements(connection, MIGRATION)
            _refuse_other_schema(connection)
    except sqlite3.Error as error:
        if is_damage(error) or is_in_use(error):
            raise
        raise LogRefused(
            f"{LOG_FILE} could not be migrated to format {FORMAT}: {error}. Remove the cause, and start again."
        ) from error
    _log.warning(
        "%s was migrated from format %s to format %s, which earlier releases do not read",
        LOG_FILE,
        present_format,
        FORMAT,
    )


def _refuse_other_schema(connection: Connection) -> None:
    differences = sorted({name for name, _ in read_schema(connection).items() ^ build_schema(SCHEMA).items()})
    if differences:
        raise LogRefused(
            f"{LOG_FILE} was not migrated to format {FORMAT} and not changed, because its schema would differ from "
            f"that of a new log: {', '.join(differences)}. Undo what another program changed there, and start again."
        )
