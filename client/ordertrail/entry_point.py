"""The console script `ordertrail`: the server's command line, where the server is installed."""

import sys

__all__ = ["main"]

NEEDED = "This needs the server's part of Ordertrail: pip install 'ordertrail[server]'"


def main() -> None:
    """Run the command line, or say how to install it. Exits with the command's code."""
    try:
        from ordertrail_server.cli.main import main as run
    except ModuleNotFoundError as missing:
        if not _belongs_to_the_server(missing.name or ""):
            raise
        sys.exit(NEEDED)
    run()


def _belongs_to_the_server(module: str) -> bool:
    return module.partition(".")[0] in {"click", "ordertrail_server", "pydantic_settings", "rich", "structlog"}
