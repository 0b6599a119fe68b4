"""The ProjectionService of a history server whose projections run in the test, not in processes of their own."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.history.history_server import HistoryServer

from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.log.port import Log
from ordertrail_server.log.source import EmbeddedSource
from ordertrail_server.projections.host import ProjectionHost


def create_projection_service(
    server: HistoryServer, log: Log, directory: Path, retry: Callable[[str], Awaitable[int | None]]
) -> ProjectionService:
    """Return a service on the server's projections and another log; no process of its host is started."""

    def ignore(*report: object) -> None:
        pass

    host = ProjectionHost(EmbeddedSource(directory), log, directory, [], [], ignore, ignore, 0.0)
    return ProjectionService(log, server.orders_model, query_history(server, log), retry, host)


def query_history(server: HistoryServer, log: Log) -> QueriedProjection:
    """Return the server's projection `history`, with waits for another log."""
    return QueriedProjection(server.model, server.progress, Freshness(server.model, server.progress, log, (0,)))
