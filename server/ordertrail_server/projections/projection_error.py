"""The errors that end a projector."""

from ordertrail_server.storage.lock import DataDirectoryRefused


class ReadModelRefused(DataDirectoryRefused):
    """The read model is damaged, or was built from another log or by other code. The text is one sentence.

    Nothing was changed."""


class PositionMoved(Exception):
    """Another projector has moved the read model's position; the transaction of this one was rolled back."""
