"""The server that a command calls: its address, and the files for TLS."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ordertrail_server.edge.address import FORMS, parse_address

if TYPE_CHECKING:
    from ordertrail.client import OrderTrail

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_ADDRESS = "127.0.0.1:50051"


@dataclass(frozen=True, slots=True)
class Target:
    """A server. With authorities it is called over TLS; with a certificate and its key, the caller shows them."""

    address: str
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def connect(self, *, actor: str = "") -> "OrderTrail":
        """Return a client. Call it within an event loop. Raises UsageError if a file cannot be used."""
        from ordertrail.client import connect

        if self.authorities is None:
            return connect(self.address, actor=actor)
        from ordertrail.tls import read_credentials

        try:
            credentials = read_credentials(self.authorities, self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise click.UsageError(f"A file for TLS cannot be used: {error}.") from None
        return connect(self.address, actor=actor, credentials=credentials)


def target_option(command: F) -> F:
    """Add `--target` and the options of TLS. The command gets a Target."""
    address = click.option(
        "--target",
        metavar="HOST:PORT",
        callback=check_address,
        default=DEFAULT_ADDRESS,
        show_default=True,
        envvar="ORDERTRAIL_TARGET",
        show_envvar=True,
        help="The address of the server; unix:PATH for a Unix socket.",
    )
    return address(tls_options(command))


def tls_options(command: F) -> F:
    """Add the options of TLS to a command with an address `target`. It gets a Target, None if there is no address."""

    @wraps(command)
    def run(
        *args: Any, target: str | None, tls_ca: Path | None, tls_cert: Path | None, tls_key: Path | None, **kwargs: Any
    ) -> Any:
        if (tls_cert is None) != (tls_key is None) or (tls_cert is not None and tls_ca is None):
            raise click.UsageError(
                "A certificate needs its key, and --tls-ca: --tls-ca FILE --tls-cert FILE --tls-key FILE."
            )
        resolved = None if target is None else Target(target, tls_ca, tls_cert, tls_key)
        return command(*args, target=resolved, **kwargs)

    run = _file_option("--tls-key", "The key of this certificate.")(run)
    run = _file_option("--tls-cert", "Show the server this certificate.")(run)
    return _file_option("--tls-ca", "Call the server over TLS, and trust these authorities.")(run)  # type: ignore[return-value]


def check_address(_: click.Context, option: click.Parameter, address: str | None) -> str | None:
    """Return an address of a server, None if there is none. Raises BadParameter."""
    try:
        return None if address is None else str(parse_address(address, first_port=1))
    except ValueError as error:
        raise click.BadParameter(f"{address!r} is not a valid address: {error}. Use {FORMS}.", param=option) from None


def _file_option(name: str, text: str) -> Callable[[F], F]:
    variable = f"ORDERTRAIL_{name.removeprefix('--').replace('-', '_').upper()}"
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option(name, metavar="FILE", type=path, envvar=variable, show_envvar=True, help=f"{text} (PEM)")
