"""The position of an export: the records that all of its files include."""

from typing import NamedTuple

from ordertrail_server.log.token import write_token
from ordertrail_server.storage.connection import Connection

LOG_ID = "SELECT value FROM ordertrail_meta WHERE key = 'log_id'"
POSITIONS = "SELECT partition, next_offset, retries FROM ordertrail_positions ORDER BY partition"


class ExportPosition(NamedTuple):
    """{partition: the first offset that is left out}, and {partition: how often parked orders were folded again}.

    A file whose `retries` are the same has the same rows before the offsets, because rows of facts never change.
    """

    log_id: bytes
    offsets: dict[int, int]
    retries: dict[int, int]

    @property
    def record_count(self) -> int:
        """The number of messages of the log before the position."""
        return sum(self.offsets.values())

    @property
    def token(self) -> str:
        """The token with which queries read as of the position."""
        return write_token(self.log_id, {partition: offset for partition, offset in self.offsets.items() if offset})

    def lag_behind(self, later: "ExportPosition") -> int:
        """Return how many messages this position lacks that a later one includes."""
        return sum(max(0, offset - self.offsets.get(partition, 0)) for partition, offset in later.offsets.items())


def read_position(connection: Connection) -> ExportPosition:
    """Return the position of the file of a projection."""
    [log_id] = connection.execute(LOG_ID).fetchone()
    rows = connection.execute(POSITIONS).fetchall()
    offsets = {partition: next_offset for partition, next_offset, _ in rows}
    return ExportPosition(bytes(log_id), offsets, {partition: retries for partition, _, retries in rows})


def common_position(history: ExportPosition, timeline: ExportPosition) -> ExportPosition:
    """Return the latest position that both include. Both have the same retries."""
    offsets = {partition: min(offset, timeline.offsets[partition]) for partition, offset in history.offsets.items()}
    return history._replace(offsets=offsets)
