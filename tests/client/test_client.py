import pytest

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import Unavailable


async def test_reach_connects_to_running_server(client: OrderTrail) -> None:
    await client.reach(5)
    assert (await client.get("o-1")).order_id == "o-1"


async def test_client_reach_raises_unavailable_without_server() -> None:
    async with connect("127.0.0.1:1") as client:
        with pytest.raises(Unavailable, match=r"not reached within 0\.2 seconds"):
            await client.reach(0.2)
