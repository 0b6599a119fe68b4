"""Where the certificates of a server are."""

from pathlib import Path
from typing import NamedTuple


class CertificateFiles(NamedTuple):
    """The chain of the server's certificate, its private key, and the authorities whose clients may connect.

    All are PEM files. Without authorities, any client may connect.
    """

    certificate: Path
    key: Path
    client_authorities: Path | None
    server_authorities: Path | None = None
    """The authorities of other servers; without them, those of clients."""
