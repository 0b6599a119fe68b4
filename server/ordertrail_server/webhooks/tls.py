"""The rules for certificates of webhooks' receivers."""

import ssl
from pathlib import Path

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.storage.regular_file import read_regular_file


class CertificatesUnreadable(OperatorError):
    """The file of additional certificate authorities cannot be used."""


def load_tls(ca_file: Path | None) -> ssl.SSLContext:
    """Return the certificate authorities of the system, and those of a file. Raises CertificatesUnreadable."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cadata=read_regular_file(ca_file).decode("ascii", "replace"))
        except (OSError, ValueError) as error:  # of SSL too
            raise CertificatesUnreadable(f"--webhook-ca {ca_file} cannot be read as certificates: {error}") from error
    return context
