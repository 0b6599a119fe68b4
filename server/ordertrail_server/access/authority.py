"""Identifies callers and derives their rights, by a policy file that is read again when it changes."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.access.identity.authenticator import Authenticator
from ordertrail_server.access.identity.identity import ANONYMOUS, CERTIFICATE, Identity
from ordertrail_server.access.identity.token_check import Hold
from ordertrail_server.access.policy_file import read_policy_file
from ordertrail_server.access.rights import Rights
from ordertrail_server.access.rights_cache import RightsCache
from ordertrail_server.operator_error import OperatorError

_log = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
"""How often the policy file is checked. A change shows in its size, inode or time of modification.

A changed file is read once a check finds it as the check before did: a part of a file that is being written could have
a grant without its last conditions.
"""

Version = tuple[int, int, int] | None


class _Loaded(NamedTuple):
    """All that one content of the policy file configures. It is replaced as a whole."""

    authenticator: Authenticator
    rights: RightsCache
    bases: Mapping[str, object]


class Authority:
    """For one event loop, in which `run` must run. Blocks while it reads the file. Raises OperatorError."""

    def __init__(self, path: Path) -> None:
        self._path, self._fault = path, ""
        self._version = _version_of(path)
        self._loaded = self._load(None)

    @property
    def faults(self) -> Sequence[str]:
        """What is wrong with the policy file and the keys of issuers at present: a sentence for each fault."""
        own = [f"the last good policy remains in use: {self._fault}"] if self._fault else []
        return [*own, *self._loaded.authenticator.faults]

    def cached(self, authorization: str) -> Identity | None:
        """Return the identity of a token that was verified before and is valid still."""
        return self._loaded.authenticator.cached(authorization)

    async def identify(
        self,
        authorization: str | None,
        certificate: Mapping[str, Iterable[bytes]],
        hold: Hold = nullcontext,
    ) -> Identity:
        """Return the identity of a call. Raises Refused if it has none that the server accepts.

        `hold` is entered while the call waits until a key is fetched.
        """
        while True:
            loaded = self._loaded
            identity = await loaded.authenticator.identify(authorization, certificate, hold)
            if loaded is self._loaded:  # otherwise a new policy, whose issuers may be others, has replaced it meanwhile
                return identity

    def is_valid(self, identity: Identity) -> bool:
        """Return whether an identity is still accepted."""
        return identity is ANONYMOUS or self._loaded.authenticator.still_valid(identity)

    def basis_of(self, identity: Identity) -> object:
        """Return what the policy file says about the issuer of an identity. If that changes, the identity is void."""
        return self._loaded.bases.get(identity.issuer)

    def rights_of(self, identity: Identity) -> Rights:
        """Return the present rights of an identity."""
        return self._loaded.rights.get(identity)

    async def run(self) -> None:
        """Read the file again after each change, and keep the keys of issuers up to date, for ever."""
        while True:
            keys = asyncio.create_task(self._loaded.authenticator.run())
            try:
                replacement = await self._wait_for_replacement()
            finally:
                keys.cancel()
                with suppress(asyncio.CancelledError):
                    await keys
            self._loaded = replacement
            _log.info("the policy was replaced by the new content of %s", self._path)

    async def _wait_for_replacement(self) -> _Loaded:
        version = self._version
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            previous, version = version, await asyncio.to_thread(_version_of, self._path)
            if version != previous or (version == self._version and not self._fault):
                continue
            try:
                replacement = await asyncio.to_thread(self._load, self._loaded.authenticator)
            except OperatorError as error:
                if str(error) != self._fault:
                    _log.error("the last good policy remains in use: %s", error)
                self._fault = str(error)
                continue
            self._version, self._fault = version, ""
            return replacement

    def _load(self, predecessor: Authenticator | None) -> _Loaded:
        config = read_policy_file(self._path)
        authenticator = Authenticator(config.issuers, config.certificates, predecessor=predecessor)
        bases: dict[str, object] = {issuer.issuer: issuer for issuer in config.issuers}
        return _Loaded(authenticator, RightsCache(config.policy), bases | {CERTIFICATE: config.certificates})


def _version_of(path: Path) -> Version:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
