"""No mutation of a good token is accepted, and each one is refused as a caller's fault."""

from collections import Counter
from pathlib import Path

import pytest
from tests.access.identity.authenticators import FastClock, trust
from tests.access.identity.issuer import SigningKey, shared_key
from tests.access.identity.mutations import MUTATIONS, Mutator, Trust
from tests.trials import choose_size

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAUTHENTICATED
from ordertrail_server.access.identity.authenticator import Authenticator
from ordertrail_server.orders.refusal import Refusal, Refused

TOKENS = choose_size(20_000, 100_000, 1_000_000)
ALGORITHMS = ("ES256", "RS256", "EdDSA")


@pytest.fixture
def trusted() -> Trust:
    strangers = [SigningKey(algorithm, f"key of {algorithm}") for algorithm in ALGORITHMS]
    return Trust([shared_key(algorithm) for algorithm in ALGORITHMS], strangers)


@pytest.mark.sampled
@pytest.mark.timeout(7_200)
async def test_no_mutated_token_is_accepted(tmp_path: Path, trusted: Trust) -> None:
    # The clock lets failures of all tokens be verified.
    authenticator = trust(tmp_path, *trusted.keys, elapsed=FastClock())
    for key in trusted.keys:
        assert (await authenticator.identify(key.bearer(), None)).name == "shop-1"
    mutator, refusals = Mutator(trusted, seed=TOKENS), Counter[str]()
    for _ in range(TOKENS):
        name, token = mutator.mutate()
        refusal = await find_refusal(authenticator, f"Bearer {token}")
        assert refusal is not None, f"{name} led to a token that is accepted: {token}"
        assert refusal.reason == ERROR_REASON_UNAUTHENTICATED
        refusals[name] += 1
    assert refusals.keys() == MUTATIONS.keys()


async def find_refusal(authenticator: Authenticator, authorization: str) -> Refusal | None:
    try:
        await authenticator.identify(authorization, None)
    except Refused as error:
        return error.refusal
    return None
