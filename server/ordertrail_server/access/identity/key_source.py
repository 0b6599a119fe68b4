"""The keys of one issuer, and where they come from. The last good ones remain in use after a fault."""

import logging
from abc import ABC, abstractmethod

from ordertrail_server.access.identity.issuer_config import IssuerConfig
from ordertrail_server.access.identity.trusted_keys import KeysUnusable, TrustedKey, TrustedKeys, parse_keys

_log = logging.getLogger(__name__)


class KeySource(ABC):
    """The keys of one issuer. `keys` is None until they were read once. `fault` is "" after a success."""

    def __init__(self, config: IssuerConfig) -> None:
        self.config = config
        self.keys: TrustedKeys | None = None
        self.fault = ""

    @abstractmethod
    async def run(self) -> None:
        """Keep the keys up to date, for ever."""

    @abstractmethod
    async def refresh_for_unknown_key(self) -> None:
        """Give the source a chance to learn a key that a token names. Takes a bounded time."""

    def find(self, key_id: str | None) -> TrustedKey | None:
        """Return the key with an id, if it is trusted at present."""
        return None if self.keys is None else self.keys.find(key_id)

    def trusts(self, digest: str) -> bool:
        """Return whether the key with a digest is trusted at present."""
        return self.keys is not None and digest in self.keys.digests

    def take(self, content: bytes) -> None:
        """Replace all keys at once, if the complete new set can be used."""
        try:
            keys = parse_keys(content, self.config)
        except KeysUnusable as error:
            self.report(str(error))
            return
        if self.keys is None or keys.digests != self.keys.digests:
            _log.info("tokens of %s are verified with %d keys", self.config.issuer, len(keys.digests))
        self.keys, self.fault = keys, ""

    def report(self, fault: str) -> None:
        """Note a fault; a new one is logged."""
        if fault != self.fault:
            state = "no token of it is accepted" if self.keys is None else "the last keys remain in use"
            _log.error("the keys of %s cannot be read, so %s: %s", self.config.issuer, state, fault)
        self.fault = fault

    def report_unexpected(self, error: Exception) -> None:
        """Note an error of the program, which must not end the refreshing: removed keys would be trusted for ever."""
        _log.error("the keys of %s cannot be read", self.config.issuer, exc_info=error)
        self.report(f"an internal error, {type(error).__name__}; see the log")
