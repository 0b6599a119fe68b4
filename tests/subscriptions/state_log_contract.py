"""What every adapter of StateLog must do. A subclass opens the adapter."""

from tests.subscriptions.state_records import FIRST, claimed, created, record

from ordertrail_server.subscriptions.changes import Done, HandedOut, Saved
from ordertrail_server.subscriptions.state_log import StateLog


class StateLogContract:
    async def open(self) -> StateLog:
        """Open the log of this test, also again after a close."""
        raise NotImplementedError

    async def test_new_log_is_empty(self) -> None:
        log = await self.open()
        assert await log.read() == []
        await log.close()

    async def test_records_are_read_in_the_order_of_their_appends(self) -> None:
        log = await self.open()
        records = [created("a"), created("b"), claimed(FIRST, "b"), claimed(FIRST, "a")]
        await log.append(records[:3])
        await log.append(records[3:])
        assert await log.read() == records
        await log.close()

    async def test_records_survive_a_close(self) -> None:
        log = await self.open()
        records = [
            created(),
            claimed(FIRST),
            record(FIRST, HandedOut("o-ä\n", 7, 2), Done("o-1", 5), Saved(0, 1 << 47)),
        ]
        await log.append(records)
        await log.close()
        again = await self.open()
        assert await again.read() == records
        await again.close()

    async def test_replacement_removes_the_records_of_one_subscription_only(self) -> None:
        log = await self.open()
        await log.append([created("a"), created("b"), claimed(FIRST, "a")])
        snapshot = record(FIRST, Saved(0, 3), uid="a")
        await log.replace("a", [snapshot])
        assert await log.read() == [created("b"), snapshot]
        await log.append([record(FIRST, Saved(0, 4), uid="a")])
        await log.replace("b", [])
        assert await log.read() == [snapshot, record(FIRST, Saved(0, 4), uid="a")]
        await log.close()
