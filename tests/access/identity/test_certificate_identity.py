"""The identity of a client's certificate."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests.access.identity.authenticators import Clock, catch_refusal
from tests.access.identity.issuer import SigningKey, build_config, build_set

from ordertrail_server.access.identity.authenticator import AuthContext, Authenticator
from ordertrail_server.access.identity.identity import CERTIFICATE
from ordertrail_server.access.identity.issuer_config import CertificateConfig, CertificateField

KEY = generate_private_key(SECP256R1())
NOT_AFTER = datetime(2040, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = (x509.DNSName("till-3.shop.example"), x509.UniformResourceIdentifier("spiffe://shop.example/till-3"))
SHOP = ((NameOID.COMMON_NAME, "till-3"), (NameOID.ORGANIZATION_NAME, "Shop, Inc."))


def show(
    subject: Sequence[tuple[x509.ObjectIdentifier, str]] = SHOP, names: Sequence[x509.GeneralName] = NAMES
) -> AuthContext:
    """Return the context of a call whose connection has a certificate."""
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, NOT_AFTER - timedelta(days=9000), NOT_AFTER)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return {"x509_pem_cert": [builder.sign(KEY, SHA256()).public_bytes(Encoding.PEM)]}


def accept(name_field: CertificateField = "subject", now: float = 0) -> Authenticator:
    return Authenticator([], CertificateConfig(name_field), Clock(now))


@pytest.mark.parametrize(
    ("name_field", "name"),
    [
        ("subject", "O=Shop\\, Inc.,CN=till-3"),
        ("common_name", "till-3"),
        ("dns", "till-3.shop.example"),
        ("uri", "spiffe://shop.example/till-3"),
    ],
)
async def test_configured_field_names_the_caller(name_field: CertificateField, name: str) -> None:
    identity = await accept(name_field).identify(None, show())
    assert (identity.name, identity.issuer, identity.expires_at) == (name, CERTIFICATE, NOT_AFTER.timestamp())
    assert identity.claims["dns"] == ("till-3.shop.example",)


@pytest.mark.parametrize(
    ("name_field", "context"),
    [
        ("subject", show(subject=())),
        ("common_name", show(subject=[(NameOID.ORGANIZATION_NAME, "Shop")])),
        ("common_name", show(subject=[SHOP[0], (NameOID.COMMON_NAME, "admin")])),
        ("common_name", show(subject=[(NameOID.COMMON_NAME, "till\n3")])),
        ("dns", show(names=())),
        ("dns", show(names=[x509.DNSName("a.example"), x509.DNSName("b.example")])),
        ("email", show()),
        ("uri", show(names=[x509.UniformResourceIdentifier("spiffe://" + "x" * 256)])),
    ],
)
async def test_certificate_without_exactly_one_good_name_is_refused(
    name_field: CertificateField, context: AuthContext
) -> None:
    assert f"exactly one {name_field}" in await catch_refusal(accept(name_field).identify(None, context))


async def test_certificate_that_expired_on_an_open_connection_is_refused() -> None:
    authenticator = accept(now=NOT_AFTER.timestamp())
    assert "expired" in await catch_refusal(authenticator.identify(None, show()))


async def test_unreadable_certificate_is_refused() -> None:
    for pem in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        assert "cannot be read" in await catch_refusal(accept().identify(None, {"x509_pem_cert": [pem]}))


async def test_connection_without_a_certificate_has_no_identity() -> None:
    contexts: list[AuthContext | None] = [None, {}, {"x509_pem_cert": []}, {"transport_security_type": [b"ssl"]}]
    for context in contexts:
        assert "client certificate over mutual TLS" in await catch_refusal(accept().identify(None, context))


async def test_certificate_is_no_identity_unless_it_is_configured() -> None:
    assert "accepts no callers" in await catch_refusal(Authenticator([], None).identify(None, show()))


async def test_token_counts_before_the_certificate(tmp_path: Path) -> None:
    file, key = tmp_path / "keys.json", SigningKey()
    file.write_bytes(build_set(key))
    authenticator = Authenticator([build_config(jwks_file=file)], CertificateConfig())
    assert (await authenticator.identify(key.bearer(), show())).name == "shop-1"
    assert (await authenticator.identify(None, show())).issuer == CERTIFICATE
    await catch_refusal(authenticator.identify(SigningKey().bearer(), show()))
    await catch_refusal(authenticator.identify("", show()))
