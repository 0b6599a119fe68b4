"""Whether the certificate of a connected client is still trusted, after the list of authorities was replaced."""

from collections.abc import Callable
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature

MAX_CHAIN = 10
"""The most certificates between a client's and its authority's."""


class ClientTrust:
    """The present authorities of clients, as PEM, or None if clients need no certificate."""

    def __init__(self, read_authorities: Callable[[], bytes | None]) -> None:
        self._read_authorities, self._first = read_authorities, read_authorities()
        self._has_changed = False

    def trusts(self, chain: bytes) -> bool:
        """Return whether one of the authorities has issued a client's certificate, which is first in its chain (PEM).

        Its dates are not checked. Without authorities, every client is trusted.
        """
        authorities = self._read_authorities()
        self._has_changed = self._has_changed or authorities != self._first
        # Before the first change, gRPC itself has checked every certificate against the present authorities.
        return authorities is None or not self._has_changed or _is_issued(chain, authorities)


@lru_cache(1_000)
def _is_issued(chain: bytes, authorities: bytes) -> bool:
    try:
        certificates = x509.load_pem_x509_certificates(chain)[:MAX_CHAIN]
        roots = x509.load_pem_x509_certificates(authorities)
    except ValueError:
        return False
    certificate, *intermediates = certificates
    for _ in certificates:
        if certificate in roots or any(_has_issued(root, certificate) for root in roots):
            return True
        issuer = next((candidate for candidate in intermediates if _has_issued(candidate, certificate)), None)
        if issuer is None:
            return False
        certificate = issuer
    return False


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
