"""Reads a policy file (TOML): who calls, and what each caller may do. docs/access.md describes it."""

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from ordertrail_server.access.grant import MAX_CUSTOMERS, Grant, Recipient
from ordertrail_server.access.identity.config import parse_certificates, parse_issuers
from ordertrail_server.access.identity.identity import CERTIFICATE
from ordertrail_server.access.identity.issuer_config import CertificateConfig, IssuerConfig
from ordertrail_server.access.identity.toml_table import ConfigInvalid, TomlTable
from ordertrail_server.access.permission import FOR_CUSTOMERS, PERMISSIONS, VERBS, WRITE
from ordertrail_server.access.policy import Policy
from ordertrail_server.access.rights import CallerLimits
from ordertrail_server.access.scope import EVERYTHING, Scope
from ordertrail_server.storage.regular_file import read_regular_file

MAX_BYTES = 1 << 20
MAX_GRANTS = 1_000
ANYONE, IDENTIFIED, ALL = "anyone", "identified", "all"


class AccessConfig(NamedTuple):
    """The whole content of a policy file."""

    issuers: tuple[IssuerConfig, ...]
    certificates: CertificateConfig | None
    policy: Policy


def read_policy_file(path: Path) -> AccessConfig:
    """Read and check a policy file. Blocks. Raises ConfigInvalid."""
    try:
        content = read_regular_file(path, MAX_BYTES + 1)
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ConfigInvalid(f"{path} has more than {MAX_BYTES:,} bytes; a policy must be smaller")
    try:
        return parse_policy(tomllib.loads(content.decode()))
    except ConfigInvalid as error:
        raise ConfigInvalid(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:  # also of a number with too many digits
        raise ConfigInvalid(f"{path} is not valid TOML: {error}") from error


def parse_policy(content: dict[str, Any]) -> AccessConfig:
    """Return what the loaded content of a policy file configures. Raises ConfigInvalid."""
    unknown = content.keys() - {"issuers", "certificates", "grants", "limits"}
    if unknown:
        raise ConfigInvalid(f"{min(unknown)} is not a known key; remove it, or correct its spelling")
    issuers, certificates = parse_issuers(content.get("issuers")), parse_certificates(content.get("certificates"))
    grants, names = _parse_grants(content.get("grants")), {config.issuer for config in issuers}
    for index, grant in enumerate(grants):
        if grant.recipient.issuer and grant.recipient.issuer not in names | _certificate_issuer(certificates):
            raise ConfigInvalid(f"grants[{index}].to.issuer is not an issuer of this file; add it, or correct it")
    return AccessConfig(issuers, certificates, Policy(grants, _parse_limits(content.get("limits", {}))))


def _certificate_issuer(certificates: CertificateConfig | None) -> set[str]:
    return set() if certificates is None else {CERTIFICATE}


def _parse_grants(tables: object) -> tuple[Grant, ...]:
    if not isinstance(tables, list) or not tables:
        raise ConfigInvalid("there are no grants, so nobody could call anything; begin each with [[grants]]")
    if len(tables) > MAX_GRANTS:
        raise ConfigInvalid(f"there are more than {MAX_GRANTS:,} grants; use claims instead of a grant for each caller")
    return tuple(_parse_grant(TomlTable(table, f"grants[{index}]")) for index, table in enumerate(tables))


def _parse_grant(table: TomlTable) -> Grant:
    permissions = _parse_permissions(table)
    grant = Grant(
        recipient=_parse_recipient(table),
        permissions=permissions,
        scope=_parse_scope(table),
        customers_claim=table.optional_text("customers_claim") or "",
        prefixes_claim=table.optional_text("customer_prefixes_claim") or "",
        may_act_for_others=table.flag("act_for_others"),
    )
    has_customers = grant.scope != Scope() or grant.customers_claim or grant.prefixes_claim
    if permissions & FOR_CUSTOMERS and not has_customers:
        raise table.fault("customers", 'is missing; write "all", a list of customers, or use customers_claim')
    if grant.may_act_for_others and grant.recipient.includes_anonymous:
        raise table.fault("act_for_others", "must not be granted to anyone without an identity")
    table.refuse_unknown()
    return grant


def _parse_permissions(table: TomlTable) -> frozenset[str]:
    permissions = set(table.texts("may"))
    unknown = permissions - PERMISSIONS - {WRITE}
    if unknown:
        raise table.fault("may", f"may have {', '.join(sorted(PERMISSIONS | {WRITE}))}, and no others")
    return frozenset(permissions - {WRITE} | (set(VERBS.values()) if WRITE in permissions else set()))


def _parse_recipient(table: TomlTable) -> Recipient:
    if table.is_text("to"):
        text = table.text("to")
        if text not in (ANYONE, IDENTIFIED):
            raise table.fault("to", f'must be "{ANYONE}", "{IDENTIFIED}", or a table with issuer, names or claims')
        return Recipient(includes_anonymous=text == ANYONE)
    to = table.table("to")
    recipient = Recipient(
        issuer=to.optional_text("issuer") or "",
        names=to.texts("names", allow_single=True) if to.has("names") else (),
        claims=tuple(sorted(to.text_table("claims").items())),
    )
    to.refuse_unknown()
    if recipient == Recipient():
        raise table.fault("to", f'has no condition; to grant it to every identity, write "{IDENTIFIED}"')
    return recipient


def _parse_scope(table: TomlTable) -> Scope:
    if table.is_text("customers"):
        if table.text("customers") != ALL:
            raise table.fault("customers", f'must be "{ALL}", or a list of customers')
        return EVERYTHING
    customers = table.texts("customers") if table.has("customers") else ()
    prefixes = table.texts("customer_prefixes") if table.has("customer_prefixes") else ()
    if max(len(customers), len(prefixes)) > MAX_CUSTOMERS:
        raise table.fault("customers", f"or prefixes are more than {MAX_CUSTOMERS:,}; use claims or a prefix")
    return Scope(frozenset(customers), frozenset(prefixes))


def _parse_limits(value: object) -> CallerLimits:
    table = TomlTable(value, "limits")
    limits = CallerLimits(
        streams=table.number("streams", 1, 1_000_000),
        commands_per_second=table.number("commands_per_second", 1, 1e9),
        queries=table.number("queries", 1, 1_000_000),
    )
    table.refuse_unknown()
    return limits
