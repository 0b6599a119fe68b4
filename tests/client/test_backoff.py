import time

import grpc
import pytest

from ordertrail import backoff as backoff_module
from ordertrail.backoff import Backoff
from ordertrail.errors import NotFound, Unauthenticated, Unavailable

AWAY = Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "away")


async def fail_repeatedly(backoff: Backoff, attempts: int = 1000) -> None:
    for _ in range(attempts):
        await backoff.wait(AWAY)


async def seconds_until_raised(backoff: Backoff) -> float:
    started_at = time.monotonic()
    with pytest.raises(Unavailable, match="away"):
        await fail_repeatedly(backoff)
    return time.monotonic() - started_at


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff_module, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(backoff_module, "LONGEST_SECONDS", 0.002)


async def test_wait_raises_when_total_time_is_up() -> None:
    assert await seconds_until_raised(Backoff(0.1)) < 1


async def test_reset_restarts_the_total_time() -> None:
    backoff = Backoff(0.1, longest=0.002)
    seconds = await seconds_until_raised(backoff)
    backoff.reset()
    await backoff.wait(AWAY)
    assert seconds > 0.05


async def test_wait_lasts_at_least_the_retry_delay_of_server() -> None:
    busy = Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "busy", retry_after=0.05)
    started_at = time.monotonic()
    await Backoff(1).wait(busy)
    assert time.monotonic() - started_at >= 0.05


async def test_refused_identity_is_retried_once_after_a_success() -> None:
    refused = Unauthenticated(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "expired")
    backoff = Backoff(1)
    with pytest.raises(Unauthenticated):
        await backoff.wait(refused)
    backoff.reset()
    await backoff.wait(refused)
    with pytest.raises(Unauthenticated):
        await backoff.wait(refused)


async def test_error_that_no_retry_can_fix_is_raised_at_once() -> None:
    backoff = Backoff(1)
    backoff.reset()
    with pytest.raises(NotFound):
        await backoff.wait(NotFound(grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND", "no such order"))
