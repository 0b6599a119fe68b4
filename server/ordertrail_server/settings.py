"""What may be set, by flag or by environment (ORDERTRAIL_…), and what holds when nothing is."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of `ordertrail serve`; flags of the command line win over the environment."""

    model_config = SettingsConfigDict(env_prefix="ORDERTRAIL_", frozen=True)

    data: Path = Path("data")
    """The data directory, made if it does not exist."""

    listen: str = "127.0.0.1:50051"
    """The address to listen on, HOST:PORT; port 0 takes any free one."""

    grace_seconds: float = 10.0
    """How long running calls may go on after SIGTERM."""

    waiting_commands: int = 10_000
    """How many commands may wait for a partition's writer; further ones are refused with OVERLOADED."""

    allow_unlocked_schema: bool = False
    """Start although proto/schema.lock does not hold all that is written: for development, since it may change yet."""

    heartbeat_seconds: float = 15.0
    """How long a followed stream is silent at most before it sends an empty frame."""
