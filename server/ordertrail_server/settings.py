"""The settings of a server: names, types, bounds, defaults and help texts.

This is their only declaration. The options of `ordertrail serve` are derived from it (cli/setting_option.py), and each
setting can also be set by an environment variable.

Every setting has bounds: a number by `Field(ge=…, le=…)`, which also excludes nan, anything else by its type or by a
validator with `Allowed`. The server does not start with a value outside of them. The docstring of a setting is its help
text.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ordertrail_server.edge.address import FORMS, parse_address
from ordertrail_server.log.kafka.names import parse_brokers, parse_topic_name
from ordertrail_server.log.topic_name import ORDER_EVENTS
from ordertrail_server.setting_text import Allowed, variable_name

MIB = 1024 * 1024

Role = Literal["command", "projector", "query"]
ROLES: tuple[Role, ...] = get_args(Role)
ROLE_QUERY_ALONE = "the role query reads what the role projector writes in the same server: add --role projector"


def _split_list(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _require_name(value: Any) -> Any:
    if value == "" or "\0" in str(value):
        raise ValueError("it is empty or contains a NUL character")
    return value


def _normalize_address(value: str) -> str:
    return str(parse_address(value))


class Settings(BaseModel):
    """The settings of `ordertrail serve`. An option of the command line wins over the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    data: Annotated[Path, BeforeValidator(_require_name), Allowed("a path", "DIR")] = Path("data")
    """The data directory. It is created if it does not exist."""

    log: Literal["embedded", "kafka"] = "embedded"
    """The log that stores the facts: a file in the data directory, or a Kafka topic."""

    bootstrap: Annotated[
        str, AfterValidator(parse_brokers), Allowed("HOST:PORT, several separated by commas", "HOST:PORT,…")
    ] = ""
    """Brokers of the Kafka cluster for the first connection, separated by commas."""

    topic: Annotated[
        str, AfterValidator(parse_topic_name), Allowed("1 to 249 letters, digits, dots, _ and -", "NAME")
    ] = ORDER_EVENTS
    """The Kafka topic of the log."""

    broker_wait_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """How long the server waits at its start for brokers that do not answer."""

    role: Annotated[
        tuple[Role, ...],
        BeforeValidator(_split_list),
        Field(min_length=1),
        Allowed(f"one or more of {', '.join(ROLES)}"),
    ] = ROLES
    """What this server does: handle commands, build the read model, answer queries. The option can be repeated; the
    variable takes a list separated by commas."""

    listen: Annotated[str, AfterValidator(_normalize_address), Allowed(FORMS, "HOST:PORT")] = "127.0.0.1:50051"
    """The address to listen on. Port 0 takes any free port, unix:PATH a Unix socket."""

    grace_seconds: float = Field(default=10.0, ge=0, le=86_400)
    """How long running calls may continue after SIGTERM or Ctrl-C."""

    waiting_commands: int = Field(default=10_000, ge=1, le=1_000_000)
    """How many commands may wait for the writer of a partition. Further ones are refused with OVERLOADED."""

    request_bytes: int = Field(default=16 * MIB, ge=MIB, le=1024 * MIB)
    """How many bytes of single requests are handled at once. Further ones are refused with OVERLOADED."""

    batch_bytes: int = Field(default=8 * MIB, ge=MIB, le=1024 * MIB)
    """How many bytes of batches are handled at once. Further ones wait."""

    order_cache_bytes: int = Field(default=32 * MIB, ge=MIB, le=64 * 1024 * MIB)
    """Approximate memory for the orders that commands have used last."""

    unprojected_bytes: int = Field(default=64 * MIB, ge=MIB, le=64 * 1024 * MIB)
    """Approximate memory for new records that the projections do not include yet. While they take more, commands are
    refused with OVERLOADED."""

    query_seconds: float = Field(default=5.0, ge=0.01, le=600.0, allow_inf_nan=False)
    """The time limit of a query that may scan many rows."""

    allow_unlocked_schema: bool = False
    """Start although proto/schema.lock lacks a stored version that this release writes. Only for development, because
    such a version can still change."""

    heartbeat_seconds: float = Field(default=15.0, ge=0.1, le=3_600)
    """How long a followed stream sends nothing before it sends an empty frame."""

    @model_validator(mode="before")
    @classmethod
    def _add_environment(cls, flags: dict[str, Any]) -> dict[str, Any]:
        # pydantic-settings does this too, but every start would wait for its import.
        variables = {name: os.environ.get(variable_name(name)) for name in cls.model_fields}
        return {name: value for name, value in variables.items() if value is not None} | flags

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if "query" in self.role and "projector" not in self.role:
            raise ValueError(ROLE_QUERY_ALONE)
        if self.log == "kafka" and not self.bootstrap:
            raise ValueError("a Kafka log needs its brokers: --bootstrap HOST:PORT or ORDERTRAIL_BOOTSTRAP")
        return self
