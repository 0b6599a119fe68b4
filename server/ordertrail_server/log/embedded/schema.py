"""The schema of an embedded log's file: its tables, and the triggers that refuse changes.

The text of a released format is never changed: a migrated file must have exactly the schema of a new one.
"""

FORMAT = 2

# A position is partition << 48 | offset: a partition is one range of rowids, and an append goes to its end.
# The trigger on INSERT also rejects INSERT OR REPLACE, whose implicit DELETE does not fire a trigger.
_APPEND_ONLY_TABLE = """
CREATE TABLE {table} (
    position INTEGER PRIMARY KEY,
    key      TEXT NOT NULL,
    value    BLOB NOT NULL,
    digest   BLOB NOT NULL CHECK (length(digest) = 16)
) STRICT;

CREATE TRIGGER {table}_are_never_changed BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'the log is append-only: a {row} is never changed'); END;
CREATE TRIGGER {table}_are_never_removed BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'the log is append-only: a {row} is never removed'); END;
CREATE TRIGGER {table}_are_appended BEFORE INSERT ON {table}
WHEN NEW.position IS NOT coalesce(
        (SELECT max(position) + 1 FROM {table}
         WHERE position BETWEEN (NEW.position >> 48) << 48 AND NEW.position | 0xFFFFFFFFFFFF),
        (SELECT (NEW.position >> 48) << 48 FROM log WHERE (NEW.position >> 48) BETWEEN 0 AND partitions - 1))
BEGIN SELECT RAISE(ABORT, 'the log is append-only: a {row} goes to the end of its partition, and nowhere else'); END;
"""

_LOG_IS_NEVER_CHANGED = """
CREATE TRIGGER log_is_never_changed BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'a log keeps its identity and its partitions for ever'); END;
"""

_FORMAT_1 = f"""
CREATE TABLE log (
    identity   BLOB NOT NULL CHECK (length(identity) = 16),
    partitions INTEGER NOT NULL CHECK (partitions BETWEEN 1 AND 32768),
    format     INTEGER NOT NULL,
    topic      TEXT NOT NULL
) STRICT;

CREATE TRIGGER log_has_one_identity BEFORE INSERT ON log WHEN EXISTS (SELECT 1 FROM log)
BEGIN SELECT RAISE(ABORT, 'a log has one identity, for ever'); END;
{_LOG_IS_NEVER_CHANGED}
CREATE TRIGGER log_is_never_removed BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'a log keeps its identity and its partitions for ever'); END;
{_APPEND_ONLY_TABLE.format(table="records", row="record")}
"""

# Submitted commands are stored like records: `value` is a serialized envelope, and `key` is the id of its order. Their
# outcomes are not stored here, but in records.
#
# A log that a restore creates has the records and commands of its predecessor before these ends. If the predecessor was
# restored too, its own predecessors are listed as well. The rows come before the row of `log`, which seals them.
_FORMAT_2 = f"""
{_APPEND_ONLY_TABLE.format(table="commands", row="command")}

CREATE TABLE predecessors (
    identity     BLOB NOT NULL CHECK (length(identity) = 16),
    partition    INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 32767),
    records_end  INTEGER NOT NULL CHECK (records_end >= 0),
    commands_end INTEGER NOT NULL CHECK (commands_end >= 0),
    PRIMARY KEY (identity, partition)
) STRICT;

CREATE TRIGGER predecessors_come_first BEFORE INSERT ON predecessors WHEN EXISTS (SELECT 1 FROM log)
BEGIN SELECT RAISE(ABORT, 'a log gets its predecessors when it is created, and never later'); END;
CREATE TRIGGER predecessors_are_never_changed BEFORE UPDATE ON predecessors
BEGIN SELECT RAISE(ABORT, 'a log keeps its predecessors for ever'); END;
CREATE TRIGGER predecessors_are_never_removed BEFORE DELETE ON predecessors
BEGIN SELECT RAISE(ABORT, 'a log keeps its predecessors for ever'); END;
"""

SCHEMA = _FORMAT_1 + _FORMAT_2

# The trigger that forbids a change of `format` is dropped for one statement, inside the caller's transaction. It is
# created again also if another program had dropped it.
MIGRATION = f"""
{_FORMAT_2}
DROP TRIGGER IF EXISTS log_is_never_changed;
UPDATE log SET format = {FORMAT};
{_LOG_IS_NEVER_CHANGED}
"""
