"""A projection that queries are answered from."""

from typing import NamedTuple

from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.progress import Progress


class QueriedProjection(NamedTuple):
    """The file of a projection, its progress, and the waits for that."""

    model: ReadModel
    progress: Progress
    freshness: Freshness
