"""Notes the digest of the record before a saved position, to notice later that the log was replaced there."""

from ordertrail_server.log.continuity import check_continues
from ordertrail_server.log.port import Log, LogDamaged
from ordertrail_server.subscriptions.changes import Witnessed
from ordertrail_server.subscriptions.state import SubscriptionState


async def find_witnesses(log: Log, state: SubscriptionState) -> list[Witnessed]:
    """Return the witnesses of the partitions whose saved position has moved. Raises LogDamaged, LogUnavailable."""
    witnesses = []
    for partition, offset in enumerate(state.saved):
        witness = state.witnesses.get(partition)
        if offset and (witness is None or witness.offset != offset - 1):
            records = await log.read(partition, offset - 1, 1)
            # The position can lie in a gap, or behind it.
            if records and records[0].offset == offset - 1:
                witnesses.append(Witnessed(partition, offset - 1, records[0].digest.hex()))
    return witnesses


async def find_loss(log: Log, state: SubscriptionState) -> str:
    """Return why the log does not continue at the saved position; empty if it does. Raises LogUnavailable."""
    if state.log_id != log.identity:
        return "it belongs to another log"
    try:
        for partition, offset in enumerate(state.saved):
            end = await log.end(partition, at_least=offset)
            if end < offset:
                return (
                    f"partition {partition} of the log ends at offset {end}, and events up to offset {offset} were "
                    "done: the log has lost records"
                )
        for witness in state.witnesses.values():
            await check_continues(log, witness.partition, witness.offset + 1, bytes.fromhex(witness.digest))
    except LogDamaged as damage:
        return str(damage)
    return ""
