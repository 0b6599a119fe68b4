"""TLS for a connection.

async with connect("orders.example:50051", credentials=read_credentials("ca.pem")) as orders: ...
"""

from os import PathLike
from pathlib import Path

import grpc

__all__ = ["read_credentials"]

File = str | PathLike[str]


def read_credentials(
    authorities: File | None = None, certificate: File | None = None, key: File | None = None
) -> grpc.ChannelCredentials:
    """Read the credentials of a client from PEM files. Blocks.

    The server's certificate must be signed by one of `authorities`, or of those that gRPC brings if there are none.
    With mutual TLS, the client shows its `certificate`, for which it needs the `key`. Raises OSError, and ValueError if
    one of these two is missing, or a file holds no PEM.
    """
    if (certificate is None) != (key is None):
        raise ValueError("a client's certificate needs its key, and the key its certificate")
    return grpc.ssl_channel_credentials(
        root_certificates=_read(authorities, "CERTIFICATE"),
        private_key=_read(key, "PRIVATE KEY"),
        certificate_chain=_read(certificate, "CERTIFICATE"),
    )


def _read(file: File | None, label: str) -> bytes | None:
    # gRPC accepts any bytes, and each call fails later without a reason.
    if file is None:
        return None
    content = Path(file).read_bytes()
    if f"{label}-----".encode() not in content:
        raise ValueError(f"{Path(file)} holds no {label} in PEM form")
    return content
