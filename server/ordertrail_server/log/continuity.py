"""Checks that a log still holds the facts that a store has folded."""

from ordertrail_server.log.port import AppendLog, LogDamaged


def describe_partition_mismatch(store: str, partitions: int, log: AppendLog) -> str:
    """Return the error message for a store that was folded from another number of partitions than the log has."""
    return (
        f"{store} was built from {partitions} partitions, and the topic {log.topic} has {log.partitions}: the server "
        f"would look for orders in the wrong partitions. Create a topic with {partitions} partitions and copy the "
        "records into it"
    )


async def check_continues(log: AppendLog, partition: int, next_offset: int, digest: bytes) -> None:
    """Raise LogDamaged unless the log still holds the last record that a store folded.

    `next_offset` is the store's position. `digest` is the digest of the record before it; at 0 there is none.
    """
    if next_offset == 0:
        return
    end = await log.end(partition, at_least=next_offset)
    if end < next_offset:
        raise LogDamaged(
            f"partition {partition} of the log ends at offset {end}, but records up to offset {next_offset - 1} "
            "were read from it before: the log has lost records, or was replaced by another log"
        )
    records = await log.read(partition, next_offset - 1, 1)
    if [record.digest for record in records] != [digest]:
        raise LogDamaged(
            f"the record at partition {partition}, offset {next_offset - 1} is not the one that was read there before: "
            "the log was changed, or was replaced by another log"
        )
