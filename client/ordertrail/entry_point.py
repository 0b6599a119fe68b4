"""The console script `ordertrail`: the server's command line, where all that it needs is installed."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say how to install what it needs. Exits with the command's code."""
    try:
        from ordertrail_server.cli.main import main as run

        run()
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith(("ordertrail.", "ordertrail_server.")):
            raise  # a defect of ours, that no installation mends
        sys.exit(f"The module {missing.name} is missing. Install the server: pip install 'ordertrail[server]'")
