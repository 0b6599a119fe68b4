"""`ordertrail policy check`: check a policy file, and explain what it decides for an identity."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.exit_code import VerdictCommand
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail_server.access.explanation import Explanation
    from ordertrail_server.access.identity.identity import Identity

EPILOG = """\b
Example:
  ordertrail policy check policy.toml --name clerk --rpc GetOrder"""


@click.command(cls=VerdictCommand, epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--name", default="", help="The name of an identity, as facts show it. Without it: a caller without identity."
)
@click.option("--issuer", default="", help="The issuer of its token, or `certificate`. Default: the only issuer.")
@click.option("--claim", "claims", multiple=True, metavar="NAME=TEXT", help="A claim; repeat it for a list.")
@click.option("--rpc", default="", help="Explain the decision about this rpc.")
@click.option("--customer", default="", help="Explain it for the orders of this customer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: Path, name: str, issuer: str, claims: tuple[str, ...], rpc: str, customer: str, as_json: bool) -> None:
    """Check a policy FILE as a server does at its start, and show the rights of an identity.

    Exit codes: 0 the file is valid, and the call allowed; 1 the call is denied; 2 the file is not valid.
    """
    from ordertrail_server.access.explanation import explain
    from ordertrail_server.access.policy_file import read_policy_file

    config = read_policy_file(file)
    issuers = [settings.issuer for settings in config.issuers]
    identity = _identity(name, issuer or (issuers[0] if len(issuers) == 1 else ""), claims)
    explanation = explain(config.policy, identity, _find_rpc(rpc), customer)
    if as_json:
        click.echo(json_line(_document(explanation)))
    else:
        _print(explanation, len(config.policy.grants), rpc)
    if explanation.denial:
        raise click.exceptions.Exit(1)


def _identity(name: str, issuer: str, claims: tuple[str, ...]) -> "Identity":
    from ordertrail_server.access.identity.identity import ANONYMOUS, Identity

    values: dict[str, list[str]] = {}
    for claim in claims:
        key, separator, text = claim.partition("=")
        if not separator:
            raise click.BadParameter(f"{claim!r} is not NAME=TEXT", param_hint="--claim")
        values.setdefault(key, []).append(text)
    return Identity(name, issuer, values) if name else ANONYMOUS


def _find_rpc(name: str) -> str:
    from ordertrail_server.access.explanation import find_rpcs

    rpcs = find_rpcs(name) if name else [""]
    if not rpcs:
        raise click.BadParameter(f"there is no rpc {name!r}", param_hint="--rpc")
    return rpcs[0]


def _document(explanation: "Explanation") -> dict[str, Any]:
    return {
        "grants": explanation.grants,
        "act_for_others": explanation.rights.may_act_for_others,
        "permissions": {
            permission: {
                "all": scope.is_unbounded,
                "customers": sorted(scope.customer_ids),
                "prefixes": sorted(scope.prefixes),
            }
            for permission, scope in sorted(explanation.rights.scopes.items())
        },
        "denial": explanation.denial,
    }


def _print(explanation: "Explanation", grant_count: int, rpc: str) -> None:
    from ordertrail_server.access.explanation import describe_scope
    from ordertrail_server.cli.table import print_table

    numbers = ", ".join(map(str, explanation.grants)) or "none"
    click.echo(f"valid: {grant_count} grants; of these the caller gets: {numbers}")
    scopes = sorted(explanation.rights.scopes.items())
    if scopes:
        print_table(("permission", "for"), [(permission, describe_scope(scope)) for permission, scope in scopes])
    if rpc:
        click.echo(f"{rpc}: {explanation.denial or 'allowed'}")
