"""The server that a command calls: its address, the files for TLS, and the caller's token."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ordertrail_server.edge.address import FORMS, parse_address

if TYPE_CHECKING:
    import grpc

    from ordertrail.client import OrderTrail
    from ordertrail.token import TokenSource

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_ADDRESS = "127.0.0.1:50051"
TOKEN = "ORDERTRAIL_TOKEN"
"""A variable only, because everybody on a machine can read the options of its processes."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server. With authorities it is called over TLS; with a certificate and its key, the caller shows them.

    The token is that in the file, or else that in the variable TOKEN, if there is one.
    """

    address: str
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    token_file: Path | None = None

    def connect(self, *, actor: str = "") -> "OrderTrail":
        """Return a client. Call it within an event loop. Raises UsageError if a file or token cannot be used."""
        from ordertrail.client import connect
        from ordertrail.token import TokenExposed

        credentials, token = self._read_credentials(), self._read_token()
        try:
            return connect(self.address, actor=actor, credentials=credentials, token=token)
        except TokenExposed:
            raise click.UsageError(f"A token is sent to {self.address} only over TLS: add --tls-ca FILE.") from None

    def _read_credentials(self) -> "grpc.ChannelCredentials | None":
        if self.authorities is None:
            return None
        from ordertrail.tls import read_credentials

        try:
            return read_credentials(self.authorities, self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise click.UsageError(f"A file for TLS cannot be used: {error}.") from None

    def _read_token(self) -> "TokenSource | None":
        from ordertrail.token import check_token, token_file

        try:
            if self.token_file is None:
                return check_token(os.environ[TOKEN]) if os.environ.get(TOKEN) else None
            source = token_file(self.token_file)
            source()  # so that a wrong file is an error of its own, and not one of each call
        except OSError as error:
            raise click.UsageError(f"{self.token_file} cannot be read: {error.strerror}.") from None
        except ValueError as error:
            raise click.UsageError(f"{self.token_file or TOKEN} cannot be used: {error}.") from None
        return source


def target_option(command: F) -> F:
    """Add `--target` and the options of its connection. The command gets a Target."""
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
    return address(connection_options(command))


def connection_options(command: F) -> F:
    """Add the options of TLS and tokens to a command with an address `target`.

    It gets a Target, None if there is no address.
    """

    @wraps(command)
    def run(
        *args: Any,
        target: str | None,
        tls_ca: Path | None,
        tls_cert: Path | None,
        tls_key: Path | None,
        token_file: Path | None,
        **kwargs: Any,
    ) -> Any:
        if (tls_cert is None) != (tls_key is None) or (tls_cert is not None and tls_ca is None):
            raise click.UsageError(
                "A certificate needs its key, and --tls-ca: --tls-ca FILE --tls-cert FILE --tls-key FILE."
            )
        resolved = None if target is None else Target(target, tls_ca, tls_cert, tls_key, token_file)
        return command(*args, target=resolved, **kwargs)

    run = _file_option("--token-file", f"Send the token in this file; without it, that in {TOKEN}.")(run)
    run = _file_option("--tls-key", "The key of this certificate. (PEM)")(run)
    run = _file_option("--tls-cert", "Show the server this certificate. (PEM)")(run)
    add_authorities = _file_option("--tls-ca", "Call the server over TLS, and trust these authorities. (PEM)")
    return add_authorities(run)  # type: ignore[return-value]  # click's decorators return what they get


def check_address(_: click.Context, option: click.Parameter, address: str | None) -> str | None:
    """Return an address of a server, None if there is none. Raises BadParameter."""
    try:
        return None if address is None else str(parse_address(address, first_port=1))
    except ValueError as error:
        raise click.BadParameter(f"{address!r} is not a valid address: {error}. Use {FORMS}.", param=option) from None


def _file_option(name: str, text: str) -> Callable[[F], F]:
    variable = f"ORDERTRAIL_{name.removeprefix('--').replace('-', '_').upper()}"
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option(name, metavar="FILE", type=path, envvar=variable, show_envvar=True, help=text)
