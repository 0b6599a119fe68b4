"""What a server reads from the files of its certificates."""

from pathlib import Path
from typing import NamedTuple

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.storage.regular_file import read_regular_file


class CertificateRefused(OperatorError):
    """A file of a certificate or key cannot be used. The message names the file and the reason."""


class Certificates(NamedTuple):
    """The contents of the files. They fit together."""

    chain: bytes
    key: bytes
    client_authorities: bytes | None

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """Return them in the form that gRPC takes."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.chain)], self.client_authorities)


def read_certificates(files: CertificateFiles) -> Certificates:
    """Read and check all files. Blocks. Raises CertificateRefused."""
    chain, key = read_pem(files.certificate), read_pem(files.key)
    authorities = None
    if files.client_authorities is not None:
        authorities = read_pem(files.client_authorities)
        parse_chain(files.client_authorities, authorities)
    if _public_key(parse_chain(files.certificate, chain)[0].public_key()) != _public_key_of(files.key, key):
        raise CertificateRefused(f"{files.key} is not the key of the certificate in {files.certificate}")
    return Certificates(chain, key, authorities)


def read_pem(path: Path) -> bytes:
    """Return the content of a file. Raises CertificateRefused."""
    try:
        return read_regular_file(path)
    except OSError as error:
        raise CertificateRefused(f"{path} cannot be read: {error.strerror}") from error


def parse_chain(path: Path, pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of a file's content. Raises CertificateRefused."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateRefused(f"{path} holds no certificate in PEM form, or a damaged one") from error


def _public_key_of(path: Path, pem: bytes) -> bytes:
    try:
        return _public_key(load_pem_private_key(pem, password=None).public_key())
    except TypeError as error:
        raise CertificateRefused(f"{path} is encrypted; a server needs a key without a password") from error
    except ValueError as error:
        raise CertificateRefused(f"{path} holds no private key in PEM form") from error


def _public_key(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
