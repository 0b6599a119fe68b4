"""Check that the command runs on a checkout: an installed wheel has generated code but no protos."""

from pathlib import Path

from ordertrail_server.authoring.authoring_error import AuthoringError


def require_protos(proto: Path) -> None:
    """Raise AuthoringError unless a folder holds protos of Ordertrail."""
    if not (proto / "ordertrail").is_dir():
        raise AuthoringError(
            f"This command works on a checkout of Ordertrail, and {proto} holds no protos of it: "
            "clone Ordertrail's repository with git and run the command in the clone, or name its protos with --proto."
        )
