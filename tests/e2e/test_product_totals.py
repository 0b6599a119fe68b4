"""Totals of a server: as fresh as a token, dated, and counted by the events of each order."""

from datetime import UTC, datetime, timedelta

from tests.e2e.running_server import RunningServer

from ordertrail.client import OrderTrail, connect
from ordertrail.v1.order_history_service_pb2 import ListProductTotalsRequest, ProductTotal
from ordertrail.values import line


async def list_totals(client: OrderTrail, token: str) -> list[ProductTotal]:
    return [total async for total in client.list_product_totals(at_least_as_fresh=[token])]


async def test_totals_follow_the_life_of_an_order(server: RunningServer) -> None:
    async with connect(server.start().address, timeout=60) as client:
        today = datetime.now(UTC).date()
        await client.place("shop-1", [line("apple", 5, "1.00", "EUR"), line("pear", 2, "1.00", "EUR")], order_id="o")
        await client.change_line_quantity("o", "apple", 3)
        placed = await client.remove_line("o", "pear")
        assert await quantities(client, placed.consistency_token) == {"apple": (3, 0, 0), "pear": (0, 0, 0)}
        await client.confirm("o")
        await client.ship("o")
        shipped = await client.deliver("o")
        assert (await quantities(client, shipped.consistency_token))["apple"] == (3, 3, 0)
        returned = await client.return_("o")
        assert (await quantities(client, returned.consistency_token))["apple"] == (3, 3, 3)
        await client.place("shop-1", [line("apple", 4, "1.00", "EUR")], order_id="cancelled")
        cancelled = await client.cancel("cancelled")
        assert (await quantities(client, cancelled.consistency_token))["apple"] == (3, 3, 3)
        days = {total.day.day for total in await list_totals(client, cancelled.consistency_token)}
        assert days <= {today.day, (today + timedelta(days=1)).day}


async def test_answer_with_totals_has_a_token_and_an_age(server: RunningServer) -> None:
    async with connect(server.start().address, timeout=60) as client:
        receipt = await client.place("shop-1", [line("apple", 5, "1.00", "EUR")])
        request = ListProductTotalsRequest(at_least_as_fresh=[receipt.consistency_token])
        response = await client.history.ListProductTotals(request)
        assert response.consistency_token == receipt.consistency_token
        assert response.HasField("current_at")
        assert response.HasField("age")


async def quantities(client: OrderTrail, token: str) -> dict[str, tuple[int, int, int]]:
    """Return the sums of all days by product."""
    sums: dict[str, tuple[int, int, int]] = {}
    for total in await list_totals(client, token):
        added = (total.ordered_quantity, total.shipped_quantity, total.returned_quantity)
        before = sums.get(total.product_id, (0, 0, 0))
        sums[total.product_id] = (before[0] + added[0], before[1] + added[1], before[2] + added[2])
    return sums
