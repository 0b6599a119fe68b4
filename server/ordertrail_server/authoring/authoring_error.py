"""The error of a command that changes protos."""

from ordertrail_server.operator_error import OperatorError


class AuthoringError(OperatorError):
    """The command changed nothing. The text names the cause and the remedy."""
