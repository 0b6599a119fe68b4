"""What a server accepts as identity. The values are checked by `config`, which creates them from TOML."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CertificateField = Literal["subject", "common_name", "dns", "email", "uri"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerConfig:
    """An issuer of tokens. Exactly one of `jwks_file` and `jwks_url` is set.

    Only these combinations of issuer, key and algorithm are accepted. Times are in seconds.
    """

    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks_file: Path | None = None
    jwks_url: str | None = None
    ca_file: Path | None = None
    """The authorities of the URL's certificate; those of the system if None."""
    name_claim: str = "sub"
    name_prefix: str = ""
    """Stands before the name, so that actors of several issuers differ."""
    require_nbf: bool = True
    """Whether a token must say from when on it is valid. The claim is checked in any case if it is there."""
    leeway_seconds: float = 30.0
    """How much the clocks of issuer and server may differ."""
    max_lifetime_seconds: float | None = None
    """How long a token may remain valid; any time if None."""
    refresh_seconds: float = 300.0
    """How often keys are fetched from the URL."""
    cool_down_seconds: float = 10.0
    """The shortest time between two fetches from the URL, whatever their cause."""


@dataclass(frozen=True, slots=True)
class CertificateConfig:
    """Which field of a client's certificate names the caller."""

    name_field: CertificateField = "subject"
