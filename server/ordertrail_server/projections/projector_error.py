"""The errors that end a projector."""

from ordertrail_server.storage.lock import DataDirectoryRefused


class ReadModelRefused(DataDirectoryRefused):
    """The read model is damaged, or not of this log or code; its text is one plain sentence. Nothing was changed."""


class PositionMoved(Exception):
    """Another projector has moved the read model's position; the transaction of this one was rolled back."""
