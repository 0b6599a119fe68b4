"""Finds the issuer and key of a token, and verifies it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from ordertrail_server.access.identity.failure_allowance import FailureAllowance
from ordertrail_server.access.identity.identity import Identity
from ordertrail_server.access.identity.key_source import KeySource
from ordertrail_server.access.identity.key_sources import KeySources
from ordertrail_server.access.identity.refusals import refuse, refuse_unverified, refuse_without_keys
from ordertrail_server.access.identity.token_times import EXPIRED, has_expired
from ordertrail_server.access.identity.token_verification import read_unverified, verify_token
from ordertrail_server.access.identity.trusted_keys import TrustedKey
from ordertrail_server.orders.refusal import Refused

Hold = Callable[[], AbstractContextManager[None]]
"""What bounds the calls that wait for a key."""


class TokenCheck:
    """Verifies tokens of some issuers. A token names its issuer and key, but only among those that are trusted."""

    def __init__(self, sources: KeySources, now: Callable[[], float], failures: FailureAllowance) -> None:
        self._sources, self._now, self._failures = sources, now, failures

    async def verify(self, token: str, hold: Hold = nullcontext) -> Identity:
        """Return the identity of a token. Raises Refused. Takes long only if its key must be fetched, inside `hold`."""
        if self._failures.is_exhausted():
            raise refuse_unverified()
        claimed = read_unverified(token)
        source = self._sources.get(claimed.issuer) if isinstance(claimed.issuer, str) else None
        if source is None:
            raise refuse("The token is from an issuer that this server does not trust, or names none.")
        if has_expired(claimed.expiry, source.config, self._now()):
            # Before the signature, because callers with an old token repeat it, and would use up the allowance.
            raise refuse(EXPIRED)
        key = await _find_key(source, claimed.key_id, hold)
        try:
            return verify_token(token, source.config, key, claimed.algorithm, self._now())
        except Refused:
            self._failures.count_failure()
            raise


async def _find_key(source: KeySource, key_id: str | None, hold: Hold) -> TrustedKey:
    if (key := source.find(key_id)) is None:
        with hold():
            await source.refresh_for_unknown_key()
        key = source.find(key_id)
    if key is not None:
        return key
    if source.keys is None:
        raise refuse_without_keys()
    raise refuse("The token names a key that its issuer does not publish, or no key; get a new one from its issuer.")
