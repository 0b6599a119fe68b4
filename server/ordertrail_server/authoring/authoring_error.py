"""The error of a command that changes protos."""


class AuthoringError(Exception):
    """The command changed nothing. The text names the cause and the remedy."""
