"""What may be set, by flag or by environment (ORDERTRAIL_…), and what holds when nothing is."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ordertrail_server.edge.address import parse_address

MIB = 1024 * 1024

Role = Literal["command", "projector", "query"]
ROLES: tuple[Role, ...] = get_args(Role)


class Settings(BaseSettings):
    """The settings of `ordertrail serve`; flags of the command line win over the environment."""

    model_config = SettingsConfigDict(env_prefix="ORDERTRAIL_", frozen=True)

    data: Path = Path("data")
    """The data directory, made if it does not exist."""

    log: Literal["embedded", "kafka"] = "embedded"
    """Where facts are: in the data directory itself, or on a Kafka topic."""

    bootstrap: str = ""
    """Brokers of the Kafka cluster to begin with, HOST:PORT, several with commas between."""

    topic: str = "orders.events"
    """The Kafka topic of the log."""

    role: Annotated[tuple[Role, ...], NoDecode] = ROLES
    """What the server does: take commands, fold the log into its read model, answer queries; with commas between."""

    listen: str = "127.0.0.1:50051"
    """The address to listen on, HOST:PORT or unix:PATH; port 0 takes any free one."""

    grace_seconds: float = 10.0
    """How long running calls may go on after SIGTERM."""

    waiting_commands: int = 10_000
    """How many commands may wait for a partition's writer; further ones are refused with OVERLOADED."""

    request_bytes: int = Field(16 * MIB, ge=MIB, le=1024 * MIB)
    """How many bytes of single requests are handled at once; further ones are refused with OVERLOADED."""

    batch_bytes: int = Field(16 * MIB, ge=4 * MIB, le=1024 * MIB)
    """How many bytes of batches are handled at once; further ones wait."""

    order_cache_bytes: int = Field(32 * MIB, ge=MIB, le=64 * 1024 * MIB)
    """About how many bytes of memory the orders take that commands were decided on last."""

    query_seconds: float = Field(5.0, ge=0.01, le=600.0, allow_inf_nan=False)
    """How long a question may take that can make the server look through many rows."""

    allow_unlocked_schema: bool = False
    """Start although proto/schema.lock does not hold all that is written: for development, since it may change yet."""

    heartbeat_seconds: float = 15.0
    """How long a followed stream is silent at most before it sends an empty frame."""

    @field_validator("listen")
    @classmethod
    def _checked(cls, listen: str) -> str:
        return str(parse_address(listen))

    @field_validator("role", mode="before")
    @classmethod
    def _parted(cls, said: Any) -> Any:
        return [part.strip() for part in said.split(",")] if isinstance(said, str) else said

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if "query" in self.role and "projector" not in self.role:
            raise ValueError("the role query answers from what the role projector makes in the same server: take both")
        if self.log == "kafka" and not self.bootstrap:
            raise ValueError("a Kafka log needs --bootstrap HOST:PORT (ORDERTRAIL_BOOTSTRAP), its brokers")
        return self
