"""Why a projector stops."""

from ordertrail_server.storage.lock import DataDirectoryRefused


class ReadModelRefused(DataDirectoryRefused):
    """The read model is damaged, or not of this log or code; says why in one plain sentence. Nothing was changed."""


class PositionMoved(Exception):
    """Another projector has moved the read model's position; what was folded here was rolled back."""
