"""Opens the projections that a server answers queries from."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Log
from ordertrail_server.log.progress import Progress
from ordertrail_server.projections.catalog import HISTORY, ORDERS, PRODUCT_TOTALS, TIMELINE
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.supervisor import OnDamage
from ordertrail_server.settings import Settings


class QueriedProjections(NamedTuple):
    """The projections behind the queries; `timeline` is None if the server keeps none."""

    orders: QueriedProjection
    history: QueriedProjection
    totals: QueriedProjection
    timeline: QueriedProjection | None


class ServedProjections:
    """The live generations of a server's projections. They are closed with the exit stack."""

    def __init__(
        self, settings: Settings, data: DataDirectory, progress: dict[str, Progress], exit_stack: AsyncExitStack
    ) -> None:
        self._settings, self._data, self._progress, self._exit_stack = settings, data, progress, exit_stack
        self._models: dict[str, ReadModel] = {}

    def open(self, log: Log, ends: Offsets, on_damage: OnDamage) -> QueriedProjections:
        """Open all of them. `ends` are those of the log at the start."""

        def open_one(name: str) -> QueriedProjection:
            path, seconds = live_generation(self._data.projections, name), self._settings.query_seconds
            model = self._models[name] = ReadModel(path, log.lineage, log.topic, seconds, on_damage)
            self._exit_stack.callback(model.close)
            progress = self._progress[name]
            return QueriedProjection(model, progress, Freshness(model, progress, log, ends))

        timeline = open_one(TIMELINE) if self._settings.timeline else None
        return QueriedProjections(open_one(ORDERS), open_one(HISTORY), open_one(PRODUCT_TOTALS), timeline)

    def switch(self, name: str, path: Path) -> None:
        """Read another generation of a projection, if it is open."""
        if name in self._models:
            self._models[name].switch(path)
