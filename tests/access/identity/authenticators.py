"""Authenticators of tests, and the refusals of what they do not accept."""

from collections.abc import Awaitable
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


def trust(folder: Path, *keys: SigningKey | dict[str, Any], now: Clock | None = None, **config: Any) -> Authenticator:
    """Return an authenticator that trusts keys in a file."""
    file = folder / "keys.json"
    file.write_bytes(build_set(*keys))
    algorithms = dict.fromkeys(key.algorithm for key in keys if isinstance(key, SigningKey)) or ("ES256",)
    issuer = build_config(**{"algorithms": algorithms, "jwks_file": file, **config})
    return Authenticator([issuer], None) if now is None else Authenticator([issuer], None, now)


async def catch_refusal(call: Awaitable[object], reason: str = "UNAUTHENTICATED") -> str:
    """Return the text of a call's refusal, whose reason must be this one."""
    with pytest.raises(Refused) as caught:
        await call
    refusal = caught.value.refusal
    assert ErrorReason.Name(refusal.reason) == f"ERROR_REASON_{reason}"
    return refusal.message
