"""Checks the files of certificates: whether they can be used, and when they expire."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_IRWXG, S_IRWXO

from cryptography import x509

from ordertrail_server.doctor.finding import Finding, error, ok, warning
from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.edge.tls.certificates import CertificateRefused, parse_chain, read_certificates, read_pem

CERTIFICATES = "certificates"
NEAR = timedelta(days=30)


def check_certificates(
    files: CertificateFiles | None, webhook_ca: Path | None, now: datetime, *, is_local: bool
) -> Iterator[Finding]:
    """Check the files that the settings name. `is_local`: only this machine can reach the server."""
    if files is None and is_local:
        yield ok(CERTIFICATES, "The server has no TLS, and only this machine can reach it.")
    elif files is None:
        text = "The server has no TLS, although other machines can reach it."
        yield warning(CERTIFICATES, text, "Give it a certificate with --tls-cert and --tls-key.")
    else:
        yield from _check_pair(files)
        paths = (files.certificate, files.client_authorities, files.server_authorities)
        for path in dict.fromkeys(path for path in paths if path is not None):
            yield from _check_expiry(path, now)
    if webhook_ca is not None:
        yield from _check_expiry(webhook_ca, now)


def _check_pair(files: CertificateFiles) -> Iterator[Finding]:
    try:
        read_certificates(files)
        if files.key.stat().st_mode & (S_IRWXG | S_IRWXO):
            text = f"Other users than its owner can use the private key {files.key}."
            yield warning(CERTIFICATES, text, f"Run: chmod 600 {files.key}")
    except (CertificateRefused, OSError) as refusal:  # the key may be removed meanwhile
        yield error(CERTIFICATES, f"{refusal}.", "Replace the files; a running server keeps the last good ones.")


def _check_expiry(path: Path, now: datetime) -> Iterator[Finding]:
    try:
        certificates = parse_chain(path, read_pem(path))
    except CertificateRefused as refusal:
        yield error(CERTIFICATES, f"{refusal}.", f"Write certificates in PEM form to {path}.")
        return
    first = min(certificates, key=lambda certificate: certificate.not_valid_after_utc)
    yield _judge(path, first, now.astimezone(UTC))


def _judge(path: Path, certificate: x509.Certificate, now: datetime) -> Finding:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    fix = f"Renew it, and replace {path}; a running server reads it by itself."
    if now > end:
        return error(CERTIFICATES, f"The certificate in {path} expired on {end:%Y-%m-%d}.", fix)
    if now < begin:
        fix = "Wait until then, or correct the clock of this machine."
        return error(CERTIFICATES, f"The certificate in {path} is valid only from {begin:%Y-%m-%d} on.", fix)
    if end - now < NEAR:
        return warning(CERTIFICATES, f"The certificate in {path} expires on {end:%Y-%m-%d}.", fix)
    return ok(CERTIFICATES, f"The certificate in {path} is valid until {end:%Y-%m-%d}.")
