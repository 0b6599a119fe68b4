"""The tables of a backup file: those of the log, the state records of subscriptions, and one row about the backup.

The text of a released format is never changed.
"""

from ordertrail_server.log.embedded.schema import SCHEMA as LOG_SCHEMA
from ordertrail_server.subscriptions.embedded_state_log import SCHEMA as STATE_SCHEMA

FORMAT = 1

APPLICATION_ID = 0x4F54424B
"""Marks a backup in the header of the file ("OTBK"), so that `file` and `restore` tell it from other databases."""

# The row of `backup` is written last, so an incomplete file has none.
BACKUP_TABLES = f"""
{STATE_SCHEMA}
CREATE TABLE backup (
    created_at    TEXT NOT NULL,
    records       INTEGER NOT NULL,
    commands      INTEGER NOT NULL,
    state_records INTEGER NOT NULL
) STRICT;
"""

SCHEMA = LOG_SCHEMA + BACKUP_TABLES
