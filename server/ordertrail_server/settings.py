"""The settings, by flag or environment variable (ORDERTRAIL_…), with their defaults.

Every setting has bounds: a number by `Field(ge=…, le=…)`, which also excludes nan, anything else by its type or by a
validator with `Allowed`. The server does not start with a value outside of them.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ordertrail_server.edge.address import FORMS, parse_address
from ordertrail_server.log.kafka.names import parse_brokers, parse_topic_name
from ordertrail_server.setting_text import PREFIX, Allowed

MIB = 1024 * 1024

Role = Literal["command", "projector", "query"]
ROLES: tuple[Role, ...] = get_args(Role)


def _split_list(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _require_name(value: Any) -> Any:
    if value == "" or "\0" in str(value):
        raise ValueError("it is empty, or has a NUL character in it")
    return value


def _normalize_address(value: str) -> str:
    return str(parse_address(value))


class Settings(BaseSettings):
    """The settings of `ordertrail serve`; flags of the command line win over the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, allow_inf_nan=False)

    data: Annotated[Path, BeforeValidator(_require_name), Allowed("a path")] = Path("data")
    """The data directory, made if it does not exist."""

    log: Literal["embedded", "kafka"] = "embedded"
    """Where facts are: in the data directory itself, or on a Kafka topic."""

    bootstrap: Annotated[str, AfterValidator(parse_brokers), Allowed("HOST:PORT, several with commas between")] = ""
    """Brokers of the Kafka cluster to begin with, HOST:PORT, several with commas between."""

    topic: Annotated[str, AfterValidator(parse_topic_name), Allowed("1 to 249 letters, digits, dots, _ and -")] = (
        "orders.events"
    )
    """The Kafka topic of the log."""

    broker_wait_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """How long a start waits for brokers that do not answer."""

    role: Annotated[
        tuple[Role, ...],
        NoDecode,
        BeforeValidator(_split_list),
        Field(min_length=1),
        Allowed(f"one or more of {', '.join(ROLES)}"),
    ] = ROLES
    """What the server does: take commands, fold the log into its read model, answer queries; with commas between."""

    listen: Annotated[str, AfterValidator(_normalize_address), Allowed(FORMS)] = "127.0.0.1:50051"
    """The address to listen on, HOST:PORT or unix:PATH; port 0 takes any free one."""

    grace_seconds: float = Field(default=10.0, ge=0, le=86_400)
    """How long running calls may go on after SIGTERM."""

    waiting_commands: int = Field(default=10_000, ge=1, le=1_000_000)
    """How many commands may wait for a partition's writer; further ones are refused with OVERLOADED."""

    request_bytes: int = Field(default=16 * MIB, ge=MIB, le=1024 * MIB)
    """How many bytes of single requests are handled at once; further ones are refused with OVERLOADED."""

    batch_bytes: int = Field(default=8 * MIB, ge=MIB, le=1024 * MIB)
    """How many bytes of batches are handled at once; further ones wait."""

    order_cache_bytes: int = Field(default=32 * MIB, ge=MIB, le=64 * 1024 * MIB)
    """About how many bytes of memory the orders take that commands were decided on last."""

    query_seconds: float = Field(default=5.0, ge=0.01, le=600.0, allow_inf_nan=False)
    """How long a question may take that can make the server look through many rows."""

    allow_unlocked_schema: bool = False
    """Start although proto/schema.lock does not hold all that is written: for development, since it may change yet."""

    heartbeat_seconds: float = Field(default=15.0, ge=0.1, le=3_600)
    """How long a followed stream is silent at most before it sends an empty frame."""

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if "query" in self.role and "projector" not in self.role:
            raise ValueError("the role query answers from what the role projector makes in the same server: take both")
        if self.log == "kafka" and not self.bootstrap:
            raise ValueError("a Kafka log needs --bootstrap HOST:PORT (ORDERTRAIL_BOOTSTRAP), its brokers")
        return self
