"""The console script `ordertrail`: runs the server's command line if its dependencies are installed."""

import sys

__all__ = ["main"]

INTERRUPTED = 130  # 128 + SIGINT, the exit code that shells use


def main() -> None:
    """Run the command line, or print how to install a missing module. Exits with the command's code."""
    try:
        from ordertrail_server.cli.main import main as run

        run()
    except ModuleNotFoundError as missing:
        sys.exit(f"The module {missing.name} is missing. {_advise(missing.name or '')}")
    except KeyboardInterrupt:  # before the command line has begun
        sys.exit(INTERRUPTED)


def _advise(module: str) -> str:
    if module.startswith(("ordertrail.", "ordertrail_server.")):
        return "It is part of Ordertrail: install Ordertrail again."
    # No package index has Ordertrail yet.
    return "Install the server: in a checkout of Ordertrail run `pip install '.[server]'`."
