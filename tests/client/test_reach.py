import pytest

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import Unavailable


async def test_a_server_that_is_there_is_reached(client: OrderTrail) -> None:
    await client.reach(5)
    assert (await client.get("o-1")).order_id == "o-1"


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with connect("127.0.0.1:1") as nobody:
        with pytest.raises(Unavailable, match=r"not reached within 0\.2 seconds"):
            await nobody.reach(0.2)
