"""Authenticators of tests, and the refusals of what they do not accept."""

import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.access.identity.issuer import SigningKey, build_config, build_set

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail_server.access.identity.authenticator import Authenticator
from ordertrail_server.orders.refusal import Refused


class Clock:
    """A clock that a test sets."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


class FastClock:
    """A clock that advances by a second whenever somebody reads it."""

    def __init__(self) -> None:
        self._seconds = count()

    def __call__(self) -> float:
        return next(self._seconds)


def trust(
    folder: Path,
    *keys: SigningKey | dict[str, Any],
    now: Callable[[], float] = time.time,
    elapsed: Callable[[], float] = time.monotonic,
    **config: Any,
) -> Authenticator:
    """Return an authenticator that trusts keys in a file."""
    file = folder / "keys.json"
    file.write_bytes(build_set(*keys))
    algorithms = dict.fromkeys(key.algorithm for key in keys if isinstance(key, SigningKey)) or ("ES256",)
    issuer = build_config(**{"algorithms": algorithms, "jwks_file": file, **config})
    return Authenticator([issuer], None, now, elapsed=elapsed)


async def catch_refusal(call: Awaitable[object], reason: str = "UNAUTHENTICATED") -> str:
    """Return the text of a call's refusal, whose reason must be this one."""
    with pytest.raises(Refused) as caught:
        await call
    refusal = caught.value.refusal
    assert ErrorReason.Name(refusal.reason) == f"ERROR_REASON_{reason}"
    return refusal.message
