"""The errors that end a projection or its process."""

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.storage.lock import DataDirectoryRefused


class ProjectionRefused(DataDirectoryRefused):
    """The file of a projection was built from another log or by other code. The text is one sentence.

    Nothing was changed."""


class ProjectionDamaged(Exception):
    """A projection that this process needs is damaged. The server builds it again."""


class ProjectionFailed(OperatorError):
    """A projection raised an error, or cannot be given its facts. It stops alone, and nothing was changed."""


class PositionMoved(Exception):
    """Another process has moved the position of a file; the transaction of this one was rolled back."""


class OrdersUnavailable(Exception):
    """The projection `orders`, whose verdicts others take, does not exist yet."""
