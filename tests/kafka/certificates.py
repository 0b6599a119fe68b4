"""Certificates for a secured cluster, created by openssl: of an authority, a broker and a server."""

from pathlib import Path
from subprocess import DEVNULL, STDOUT, run

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
ADDRESS = "subjectAltName=IP:127.0.0.1"


def create_certificates(directory: Path) -> None:
    """Create NAME.pem and NAME.key of `ca`, `broker` and `server`, and the broker's key store in PEM."""
    _openssl(directory, "req", "-x509", *NEW_KEY, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    signed = ("-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE")
    for name, options in (("broker", ["-addext", ADDRESS]), ("server", [])):
        files = ("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
        _openssl(directory, "req", *signed, *NEW_KEY, *options, *files)
    parts = [(directory / part).read_text() for part in ("broker.key", "broker.pem", "ca.pem")]
    (directory / "broker-store.pem").write_text("".join(parts))


def _openssl(directory: Path, *arguments: str) -> None:
    run(["openssl", *arguments], cwd=directory, stdin=DEVNULL, stdout=DEVNULL, stderr=STDOUT, check=True)
