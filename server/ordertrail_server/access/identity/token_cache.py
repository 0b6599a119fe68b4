"""Identities of verified tokens, so that a token is verified once."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

from ordertrail_server.access.identity.identity import Identity

MAX_TOKENS = 10_000
MAX_BYTES = 16 * 1024 * 1024
"""Of all tokens together. The claims that the cache keeps take a few times as much memory."""


class TokenCache:
    """A bounded cache with the SHA-256 digests of tokens as keys. The oldest entries go first.

    Only verified tokens enter it, so bad tokens evict none.
    """

    def __init__(self, max_tokens: int = MAX_TOKENS, max_bytes: int = MAX_BYTES) -> None:
        self._max_tokens, self._max_bytes = max_tokens, max_bytes
        self._entries: OrderedDict[bytes, tuple[Identity, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, authorization: str) -> Identity | None:
        """Return the identity of a token, which may have expired."""
        entry = self._entries.get(_digest(authorization))
        return entry[0] if entry is not None else None

    def put(self, authorization: str, identity: Identity) -> None:
        """Keep the identity of a verified token."""
        digest, size = _digest(authorization), len(authorization)
        self._drop(digest)
        self._entries[digest] = identity, size
        self._bytes += size
        while len(self._entries) > self._max_tokens or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def remove(self, authorization: str) -> None:
        """Forget a token."""
        self._drop(_digest(authorization))

    def retain(self, is_valid: Callable[[Identity], bool]) -> None:
        """Forget all tokens whose identity is not valid any more."""
        for digest in [digest for digest, (identity, _) in self._entries.items() if not is_valid(identity)]:
            self._drop(digest)

    def _drop(self, digest: bytes) -> None:
        _, size = self._entries.pop(digest, (None, 0))
        self._bytes -= size


def _digest(authorization: str) -> bytes:
    # A caller may send any text, also one that is no valid Unicode.
    return sha256(authorization.encode(errors="surrogatepass")).digest()
