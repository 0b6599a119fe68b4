import time

import grpc
import pytest

from ordertrail import patience
from ordertrail.errors import Unavailable
from ordertrail.patience import Patience

AWAY = Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "away")


async def fail_on(waiting: Patience, attempts: int = 1000) -> None:
    for _ in range(attempts):
        await waiting.wait(AWAY)


async def seconds_until_it_ends(waiting: Patience) -> float:
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="away"):
        await fail_on(waiting)
    return time.monotonic() - begun


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST", 0.001)
    monkeypatch.setattr(patience, "LONGEST", 0.002)


async def test_patience_ends_although_each_wait_is_short() -> None:
    assert await seconds_until_it_ends(Patience(0.1)) < 1


async def test_a_sign_of_life_renews_it() -> None:
    waiting = Patience(0.1)
    spent = await seconds_until_it_ends(waiting)
    waiting.renew()
    await waiting.wait(AWAY)
    assert spent > 0.05


async def test_the_server_s_own_delay_is_kept() -> None:
    busy = Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "busy", retry_after=0.05)
    begun = time.monotonic()
    await Patience(1).wait(busy)
    assert time.monotonic() - begun >= 0.05
