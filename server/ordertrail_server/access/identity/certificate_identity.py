"""The identity that a client's certificate proves. gRPC has verified the certificate when it connected."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from ordertrail_server.access.identity.identity import CERTIFICATE, Identity, is_valid_name
from ordertrail_server.access.identity.issuer_config import CertificateConfig
from ordertrail_server.access.identity.refusals import refuse

MAX_CERTIFICATES = 1_000
"""How many parsed certificates are kept. Each connection has one, which all its calls show."""


class CertificateIdentities:
    """Identities of certificates, by their PEM."""

    def __init__(self, config: CertificateConfig) -> None:
        self._field = config.name_field
        self._identities: OrderedDict[bytes, Identity] = OrderedDict()

    def identify(self, pem: bytes) -> Identity:
        """Return the identity of a certificate, which may have expired. Raises Refused."""
        identity = self._identities.get(pem)
        if identity is None:
            identity = self._identities[pem] = _read_identity(pem, self._field)
            if len(self._identities) > MAX_CERTIFICATES:
                self._identities.popitem(last=False)
        return identity


def find_certificate(auth_context: Mapping[str, Iterable[bytes]]) -> bytes | None:
    """Return the PEM of the client's certificate from the context of a gRPC call, or None if it showed none."""
    return next(iter(auth_context.get("x509_pem_cert", ())), None)


def _read_identity(pem: bytes, field: str) -> Identity:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = _read_names(certificate)
    except ValueError:
        raise refuse("The certificate has a subject or alternative names that cannot be read.") from None
    candidates = names[field]
    if len(candidates) != 1 or not is_valid_name(candidates[0]):
        raise refuse(f"The certificate must have exactly one {field}, of at most 256 printable characters.")
    return Identity(candidates[0], CERTIFICATE, MappingProxyType(names), certificate.not_valid_after_utc.timestamp())


def _read_names(certificate: x509.Certificate) -> dict[str, Any]:
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        alternatives = x509.SubjectAlternativeName([])
    subject = certificate.subject
    return {
        "subject": tuple(filter(None, [subject.rfc4514_string()])),
        "common_name": tuple(str(name.value) for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)),
        "dns": tuple(alternatives.get_values_for_type(x509.DNSName)),
        "email": tuple(alternatives.get_values_for_type(x509.RFC822Name)),
        "uri": tuple(alternatives.get_values_for_type(x509.UniformResourceIdentifier)),
    }
