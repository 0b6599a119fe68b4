"""Identifies the callers of a server by their tokens and certificates."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext

from ordertrail_server.access.identity.bearer_token import extract_token
from ordertrail_server.access.identity.certificate_identity import CertificateIdentities, find_certificate
from ordertrail_server.access.identity.failure_allowance import FailureAllowance
from ordertrail_server.access.identity.identity import CERTIFICATE, Identity
from ordertrail_server.access.identity.issuer_config import CertificateConfig, IssuerConfig
from ordertrail_server.access.identity.key_sources import KeySources, open_key_sources
from ordertrail_server.access.identity.refusals import refuse
from ordertrail_server.access.identity.token_cache import TokenCache
from ordertrail_server.access.identity.token_check import Hold, TokenCheck

AuthContext = Mapping[str, Iterable[bytes]]
SWEEP_SECONDS = 10.0
"""How often entries of the cache that nobody may use any more are removed. They are never used before, either."""


class Authenticator:
    """The identities of callers. For one event loop, in which `run` must run.

    `now` returns seconds since 1970. With a `predecessor`, an issuer whose configuration is unchanged keeps its keys,
    so a new configuration does not depend on issuers that are down. The predecessor's `run` must end before this one's
    begins. Blocks while it reads files. Raises KeysUnusable if the keys in one cannot be used.
    """

    def __init__(
        self,
        issuers: Sequence[IssuerConfig],
        certificates: CertificateConfig | None,
        now: Callable[[], float] = time.time,
        *,
        elapsed: Callable[[], float] = time.monotonic,
        predecessor: "Authenticator | None" = None,
    ) -> None:
        self._now = now
        self._sources: KeySources = open_key_sources(issuers, elapsed, predecessor._sources if predecessor else {})
        self._check = TokenCheck(self._sources, now, FailureAllowance(elapsed))
        self._cache = TokenCache()
        self._certificates = CertificateIdentities(certificates) if certificates else None

    @property
    def faults(self) -> Sequence[str]:
        """What is wrong with the keys of issuers at present: a sentence for each fault."""
        return [f"the keys of {name}: {source.fault}" for name, source in self._sources.items() if source.fault]

    def cached(self, authorization: str) -> Identity | None:
        """Return the identity of a token that was verified before and is valid still. Takes microseconds."""
        identity = self._cache.get(authorization)
        if identity is None or self.still_valid(identity):
            return identity
        self._cache.remove(authorization)
        return None

    async def identify(
        self, authorization: str | None, certificate: AuthContext | None, hold: Hold = nullcontext
    ) -> Identity:
        """Return the identity of a call, from its metadata `authorization` and gRPC's `auth_context()`.

        `hold` is entered while the call waits until a key is fetched.

        If there is a token, it alone counts, so a bad token is refused although there is a certificate. Raises Refused,
        also if there is neither.
        """
        if authorization is not None:
            return self.cached(authorization) or await self._verify(authorization, hold)
        pem = find_certificate(certificate) if certificate and self._certificates else None
        if pem is None or self._certificates is None:
            raise refuse(f"The call has no identity; send {self._describe_accepted()}.")
        identity = self._certificates.identify(pem)
        if not self.still_valid(identity):
            raise refuse("The certificate has expired; connect with a new one.")
        return identity

    def still_valid(self, identity: Identity) -> bool:
        """Return whether an identity has not expired, and its key is trusted still."""
        if self._now() >= identity.expires_at:
            return False
        if identity.issuer == CERTIFICATE:
            return self._certificates is not None
        source = self._sources.get(identity.issuer)
        return source is not None and source.trusts(identity.key_digest)

    async def run(self) -> None:
        """Keep the keys up to date, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for source in self._sources.values():
                tasks.create_task(source.run())
            tasks.create_task(self._sweep())

    async def _verify(self, authorization: str, hold: Hold) -> Identity:
        if not self._sources:
            raise refuse(f"The server accepts no tokens; send {self._describe_accepted()} instead.")
        identity = await self._check.verify(extract_token(authorization), hold)
        self._cache.put(authorization, identity)
        return identity

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._cache.retain(self.still_valid)

    def _describe_accepted(self) -> str:
        kinds = ["the metadata `authorization: Bearer TOKEN`"] * bool(self._sources)
        kinds += ["a client certificate over mutual TLS"] * (self._certificates is not None)
        return " or ".join(kinds) or "nothing, because the server accepts no callers"
