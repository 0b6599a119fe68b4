"""The certificates that a client showed when it connected."""

from collections.abc import Iterable, Mapping


def find_chain(context: Mapping[str, Iterable[bytes]]) -> bytes:
    """Return the chain that a client showed, from the context of a gRPC call; empty if it showed none."""
    for name in ("x509_pem_cert_chain", "x509_pem_cert"):
        chain = next(iter(context.get(name, ())), b"")
        if chain:
            return chain
    return b""
