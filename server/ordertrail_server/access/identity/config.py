"""The issuers and certificates that the policy file names, from values that `tomllib` has loaded."""

from typing import get_args

from ordertrail_server.access.identity.algorithm import ALGORITHMS, is_hmac
from ordertrail_server.access.identity.identity import CERTIFICATE, LONGEST_NAME
from ordertrail_server.access.identity.issuer_config import CertificateConfig, CertificateField, IssuerConfig
from ordertrail_server.access.identity.jwks_url import find_url_fault
from ordertrail_server.access.identity.toml_table import ConfigInvalid, TomlTable

__all__ = ["MAX_ISSUERS", "ConfigInvalid", "parse_certificates", "parse_issuers"]

MAX_ISSUERS = 100
DAY = 86_400.0


def parse_issuers(tables: object) -> tuple[IssuerConfig, ...]:
    """Return the issuers of an array of tables `[[issuers]]`; none if it is None. Raises ConfigInvalid."""
    if tables is None:
        return ()
    if not isinstance(tables, list) or len(tables) > MAX_ISSUERS:
        raise ConfigInvalid(f"issuers must be at most {MAX_ISSUERS} tables; begin each with [[issuers]]")
    configs = tuple(_parse_issuer(TomlTable(table, f"issuers[{index}]")) for index, table in enumerate(tables))
    names = [config.issuer for config in configs]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ConfigInvalid(f"issuers[{index}].issuer is that of issuers[{names.index(name)}]; combine them")
    return configs


def parse_certificates(table: object) -> CertificateConfig | None:
    """Return what the table `[certificates]` configures, or None if there is no such table. Raises ConfigInvalid."""
    if table is None:
        return None
    reader = TomlTable(table, "certificates")
    name_field = reader.text("name", "subject")
    choices = get_args(CertificateField)
    if name_field not in choices:
        raise reader.fault("name", f"must be one of {', '.join(choices)}")
    reader.refuse_unknown()
    return CertificateConfig(name_field)  # type: ignore[arg-type]  # it is one of the choices


def _parse_issuer(table: TomlTable) -> IssuerConfig:
    has_url = table.has("jwks_url")
    config = IssuerConfig(
        issuer=_parse_name(table),
        audiences=table.texts("audience", allow_single=True),
        algorithms=_parse_algorithms(table, has_url),
        jwks_file=table.optional_path("jwks_file"),
        jwks_url=_parse_url(table),
        name_claim=table.text("name_claim", "sub"),
        name_prefix=_parse_prefix(table),
        require_nbf=table.flag("require_nbf", default=True),
        leeway_seconds=table.seconds("leeway_seconds", 30, 0, 300),
        max_lifetime_seconds=_parse_lifetime(table),
        **_parse_fetching(table, has_url),  # type: ignore[arg-type]  # of different types
    )
    if (config.jwks_file is None) == (config.jwks_url is None):
        raise table.fault("jwks_file", "or jwks_url, exactly one of them, must say where the issuer's keys are")
    table.refuse_unknown()
    return config


def _parse_name(table: TomlTable) -> str:
    name = table.text("issuer")
    if name == CERTIFICATE:
        raise table.fault("issuer", f'must not be "{CERTIFICATE}", which is the issuer of certificates')
    return name


def _parse_prefix(table: TomlTable) -> str:
    prefix = table.optional_text("name_prefix") or ""
    if len(prefix) > LONGEST_NAME // 2:
        raise table.fault("name_prefix", f"must have at most {LONGEST_NAME // 2} characters")
    return prefix


def _parse_algorithms(table: TomlTable, has_url: bool) -> tuple[str, ...]:
    algorithms, allow_hmac = table.texts("algorithms"), table.flag("allow_hmac")
    for algorithm in algorithms:
        if algorithm not in ALGORITHMS:
            raise table.fault("algorithms", f"may have {', '.join(ALGORITHMS)}, and no others")
        if is_hmac(algorithm) and not allow_hmac:
            raise table.fault("algorithms", f"has {algorithm}, whose key can also sign; write allow_hmac = true if so")
        if is_hmac(algorithm) and has_url:
            raise table.fault("algorithms", f"has {algorithm}, whose key must not be on a URL; use jwks_file")
    if len({is_hmac(algorithm) for algorithm in algorithms}) > 1:
        raise table.fault("algorithms", "must not mix HMAC with algorithms of public keys")
    return algorithms


def _parse_url(table: TomlTable) -> str | None:
    url = table.optional_text("jwks_url")
    if url is not None and (fault := find_url_fault(url)):
        raise table.fault("jwks_url", fault)
    return url


def _parse_lifetime(table: TomlTable) -> float | None:
    return table.seconds("max_lifetime_seconds", DAY, 1, 10 * 366 * DAY) if table.has("max_lifetime_seconds") else None


def _parse_fetching(table: TomlTable, has_url: bool) -> dict[str, object]:
    if not has_url:  # so these keys are unknown
        return {}
    cool_down = table.seconds("cool_down_seconds", 10, 1, 3_600)
    refresh = table.seconds("refresh_seconds", max(300, cool_down), 1, DAY)
    if refresh < cool_down:
        raise table.fault("refresh_seconds", f"must not be less than cool_down_seconds, {cool_down:g}")
    return {"ca_file": table.optional_path("ca_file"), "cool_down_seconds": cool_down, "refresh_seconds": refresh}
