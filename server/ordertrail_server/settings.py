"""The settings of a server: names, types, bounds, defaults and help texts.

This is their only declaration. The options of `ordertrail serve` are derived from it (cli/setting_option.py), and each
setting can also be set by an environment variable.

Every setting has bounds, by its type. The server does not start with a value outside of them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import click

from ordertrail_server.edge.address import FORMS, parse_address
from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.log.kafka.names import parse_brokers, parse_topic_name
from ordertrail_server.log.topic_name import ORDER_EVENTS, commands_topic_of, subscriptions_topic_of
from ordertrail_server.logs.log_output import LOG_FORMATS, LOG_LEVELS, LogFormat, LogLevel
from ordertrail_server.setting_type import Choices, Number, Switch, Text
from ordertrail_server.webhooks.address_policy import Network, parse_networks

MIB = 1024 * 1024

Role = Literal["command", "projector", "query"]
ROLES: tuple[Role, ...] = get_args(Role)
ROLE_QUERY_ALONE = "the role query reads what the role projector writes in the same server: add --role projector"


def _parse_path(value: str | Path) -> Path:
    if value == "" or "\0" in str(value):
        raise ValueError("it is empty or contains a NUL character")
    return Path(value)


def _parse_optional_topic(value: str) -> str:
    return parse_topic_name(value) if value else ""


def _parse_networks(value: str | tuple[Network, ...]) -> tuple[Network, ...]:
    return parse_networks(value) if isinstance(value, str) else value


def _normalize_address(value: str) -> str:
    return str(parse_address(value))


def _normalize_optional_address(value: str) -> str:
    if not value:
        return ""
    address = parse_address(value)
    if address.path:
        raise ValueError("it is the path of a Unix socket")
    return str(address)


def _parse_advertised(value: str) -> str:
    if not value:
        return ""
    address = parse_address(value, first_port=1)
    if address.is_wildcard:
        raise ValueError(f"no other server can connect to {address.host}")
    return str(address)


def _setting(default: Any, kind: click.ParamType[Any], text: str) -> Any:
    return field(default=default, metadata={"kind": kind, "help": text})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of `ordertrail serve`. Raises ValueError if they do not fit together.

    `setting_values.read_settings` reads them from options and the environment, and checks each value.
    """

    data: Path = _setting(  # noqa: RUF009 (it returns a field)
        Path("data"),
        Text(_parse_path, "a path", "DIR"),
        "The data directory. It is created if it does not exist.",
    )
    log: Literal["embedded", "kafka"] = _setting(
        "embedded",
        click.Choice(("embedded", "kafka")),
        "The log that stores the facts: a file in the data directory, or a Kafka topic.",
    )
    bootstrap: str = _setting(
        "",
        Text(parse_brokers, "HOST:PORT, several separated by commas", "HOST:PORT,…"),
        "Brokers of the Kafka cluster for the first connection, separated by commas.",
    )
    topic: str = _setting(
        ORDER_EVENTS,
        Text(parse_topic_name, "1 to 249 letters, digits, dots, _ and -", "NAME"),
        "The Kafka topic of the log.",
    )
    commands_topic: str = _setting(
        "",
        Text(_parse_optional_topic, "1 to 249 letters, digits, dots, _ and -", "NAME"),
        "The Kafka topic of submitted commands. By default it has the name of the log's topic, with .commands instead "
        "of .events at the end, or in addition.",
    )
    subscriptions_topic: str = _setting(
        "",
        Text(_parse_optional_topic, "1 to 249 letters, digits, dots, _ and -", "NAME"),
        "The Kafka topic of subscriptions. By default it has the name of the log's topic, with .subscriptions instead "
        "of .events at the end, or in addition.",
    )
    broker_wait_seconds: float = _setting(
        60.0,
        Number(0, 86_400),
        "How long the server waits at its start for brokers that do not answer.",
    )
    role: tuple[Role, ...] = _setting(
        ROLES,
        Choices(ROLES),
        "What this server does: handle commands, build the read model, answer queries. The option can be repeated; the "
        "variable takes a list separated by commas.",
    )
    listen: str = _setting(
        "127.0.0.1:50051",
        Text(_normalize_address, FORMS, "HOST:PORT"),
        "The address to listen on. Port 0 takes any free port, unix:PATH a Unix socket.",
    )
    advertise: str = _setting(
        "",
        Text(_parse_advertised, FORMS, "HOST:PORT"),
        "The address at which other servers on the same topic reach this one. By default, the address to listen on.",
    )
    tls_cert: Path | None = _setting(  # noqa: RUF009 (it returns a field)
        None,
        Text(_parse_path, "a path", "FILE"),
        "Serve over TLS with this certificate and its chain (PEM). The file is read again when it changes.",
    )
    tls_key: Path | None = _setting(  # noqa: RUF009 (it returns a field)
        None,
        Text(_parse_path, "a path", "FILE"),
        "The private key of the certificate (PEM, without a password).",
    )
    tls_client_ca: Path | None = _setting(  # noqa: RUF009 (it returns a field)
        None,
        Text(_parse_path, "a path", "FILE"),
        "Accept only callers with a certificate of these authorities (PEM).",
    )
    tls_ca: Path | None = _setting(  # noqa: RUF009 (it returns a field)
        None,
        Text(_parse_path, "a path", "FILE"),
        "Accept only other servers on the same topic with a certificate of these authorities (PEM). By default, those "
        "of --tls-client-ca, or those that gRPC brings.",
    )
    insecure: bool = _setting(
        False,
        Switch(),
        "Listen without TLS or without a policy on an address that other machines can reach.",
    )
    policy: Path | None = _setting(  # noqa: RUF009 (it returns a field)
        None,
        Text(_parse_path, "a path", "FILE"),
        "Who may do what, for which customers (TOML). The file is read again when it changes. Without it, every caller "
        "may do everything.",
    )
    admin_listen: str = _setting(
        "",
        Text(_normalize_optional_address, "HOST:PORT or [IPV6]:PORT", "HOST:PORT"),
        "Where to serve /livez, /readyz, /metrics and /channelz over HTTP, without TLS. By default nowhere.",
    )
    admin_public: bool = _setting(
        False,
        Switch(),
        "Let --admin-listen be an address that other machines can reach. It has no TLS and no policy.",
    )
    log_format: LogFormat = _setting(  # noqa: RUF009 (it returns a field)
        "auto",
        click.Choice(LOG_FORMATS),
        "The form of log lines on stderr: text, JSON, or auto: text on a terminal and JSON otherwise.",
    )
    log_level: LogLevel = _setting(  # noqa: RUF009 (it returns a field)
        "info",
        click.Choice(LOG_LEVELS),
        "The least level of log lines.",
    )
    access_log: bool = _setting(
        False,
        Switch(),
        "Log a line for each call: caller, rpc, order, status, messages and duration.",
    )
    grace_seconds: float = _setting(
        10.0,
        Number(0, 86_400),
        "How long running calls may continue after SIGTERM or Ctrl-C.",
    )
    waiting_commands: int = _setting(
        10_000,
        click.IntRange(1, 1_000_000),
        "How many commands may wait for the writer of a partition. Further ones are refused with OVERLOADED.",
    )
    request_bytes: int = _setting(
        16 * MIB,
        click.IntRange(MIB, 1024 * MIB),
        "How many bytes of single requests are handled at once. Further ones are refused with OVERLOADED.",
    )
    batch_bytes: int = _setting(
        8 * MIB,
        click.IntRange(MIB, 1024 * MIB),
        "How many bytes of batches are handled at once. Further ones wait.",
    )
    order_cache_bytes: int = _setting(
        32 * MIB,
        click.IntRange(MIB, 64 * 1024 * MIB),
        "Approximate memory for the orders that commands have used last.",
    )
    unprojected_bytes: int = _setting(
        64 * MIB,
        click.IntRange(MIB, 64 * 1024 * MIB),
        "Approximate memory for new records that the projections do not include yet. While they take more, commands "
        "are refused with OVERLOADED.",
    )
    query_seconds: float = _setting(
        5.0,
        Number(0.01, 600.0),
        "The time limit of a query that may scan many rows.",
    )
    allow_unlocked_schema: bool = _setting(
        False,
        Switch(),
        "Start although proto/schema.lock lacks a stored version that this release writes. Only for development, "
        "because such a version can still change.",
    )
    timeline: bool = _setting(
        True,
        Switch(),
        "Keep the projection timeline: a readable row for each version of each order. Without it, the projector does "
        "less work and the files are smaller, and orders cannot be listed as of a time.",
    )
    heartbeat_seconds: float = _setting(
        15.0,
        Number(0.1, 3_600),
        "How long a followed stream sends nothing before it sends an empty frame.",
    )
    webhook_allow: tuple[Network, ...] = _setting(
        (),
        Text(_parse_networks, "networks such as 10.0.0.0/8, separated by commas", "CIDR,…"),
        "Networks that webhooks may reach although they are private, also with http://. They reach public addresses in "
        "any case.",
    )
    webhook_ca: Path | None = _setting(  # noqa: RUF009 (it returns a field)
        None,
        Text(_parse_path, "a path", "FILE"),
        "Certificates of authorities that webhooks trust beside those of the system (PEM).",
    )

    def __post_init__(self) -> None:
        if "query" in self.role and "projector" not in self.role:
            raise ValueError(ROLE_QUERY_ALONE)
        if self.log == "kafka" and not self.bootstrap:
            raise ValueError("a Kafka log needs its brokers: --bootstrap HOST:PORT or ORDERTRAIL_BOOTSTRAP")
        if self.commands_topic == self.topic:
            raise ValueError(f"submitted commands need another topic than the log, which is on {self.topic}")
        subscriptions_topic = self.subscriptions_topic or subscriptions_topic_of(self.topic)
        if subscriptions_topic in (self.topic, self.commands_topic or commands_topic_of(self.topic)):
            raise ValueError(f"subscriptions need a topic of their own, and {subscriptions_topic} is another one")
        self._check_transport()

    @property
    def certificate_files(self) -> CertificateFiles | None:
        """The files for TLS; None if the server listens without it."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        return CertificateFiles(self.tls_cert, self.tls_key, self.tls_client_ca, self.tls_ca)

    def _check_transport(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("TLS needs a certificate and its key: --tls-cert FILE --tls-key FILE")
        if self.tls_client_ca and not self.tls_cert:
            raise ValueError("--tls-client-ca needs TLS: --tls-cert FILE --tls-key FILE")
        if not (self.tls_cert or self.insecure or parse_address(self.listen).is_local):
            raise ValueError(
                f"other machines can reach {self.listen}, and without TLS they could read and change everything: add "
                "--tls-cert FILE --tls-key FILE, or --insecure (ORDERTRAIL_INSECURE=1) on a network that you trust"
            )
        if not (self.policy or self.insecure or parse_address(self.listen).is_local):
            raise ValueError(
                f"other machines can reach {self.listen}, and without a policy they could read and change everything: "
                "add --policy FILE, or --insecure (ORDERTRAIL_INSECURE=1) on a network that you trust"
            )
        self._check_admin_address()

    def _check_admin_address(self) -> None:
        if self.admin_listen and not (self.admin_public or parse_address(self.admin_listen).is_local):
            raise ValueError(
                f"other machines can reach the admin address {self.admin_listen}, which has no TLS and no policy: "
                "listen on loopback, or add --admin-public if only probes and Prometheus reach it"
            )
