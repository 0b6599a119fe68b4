"""Stores of projected orders: what a projector writes and a writer's fold reads."""

from collections.abc import Collection, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Protocol

from tests.log.memory import MemoryLog

from ordertrail_server.commands.fold import OrderStore
from ordertrail_server.commands.order_store import ProjectedOrders
from ordertrail_server.facts.link import Link, link_of
from ordertrail_server.facts.step import Place, step
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate
from ordertrail_server.orders.chain import LINKS, Verdict
from ordertrail_server.projections.orders.order_reader import OrderReader
from ordertrail_server.projections.orders.projection import OrderProjection
from ordertrail_server.projections.orders.tables import create_order_tables
from ordertrail_server.projections.projection_file import open_projection_file

WHOLE_LOG = Place(0, 1)


class ProjectableStore(OrderStore, Protocol):
    """A store with its projector's side. It survives the crash of its server, so it is opened again."""

    def project(self, records: Sequence[Logged]) -> None:
        """Commit the next records."""

    def close(self) -> None:
        """Close the store."""


class NothingProjected:
    """Stores nothing, as before the first commit of a projector."""

    def position(self) -> int:
        return 0

    def aggregate(self, order_id: str) -> tuple[Aggregate, int]:
        return NO_ORDER, 0

    def aggregates(self, order_ids: Sequence[str]) -> tuple[dict[str, Aggregate], int]:
        return {}, 0

    def head(self, order_id: str) -> tuple[Aggregate, int]:
        return NO_ORDER, 0

    def receipt(self, order_id: str, request: bytes) -> Link | None:
        return None

    def links_at(self, order_id: str, version: int) -> Collection[bytes]:
        return ()

    def project(self, records: Sequence[Logged]) -> None:
        pass

    def close(self) -> None:
        pass


class MemoryStore:
    """Stores in memory what the projection `orders` stores in its file."""

    def __init__(self, place: Place = WHOLE_LOG) -> None:
        self._place, self._position = place, 0
        self._orders: dict[str, Aggregate] = {}
        self._links: dict[str, list[Link]] = {}

    def position(self) -> int:
        return self._position

    def aggregate(self, order_id: str) -> tuple[Aggregate, int]:
        return self._orders.get(order_id, NO_ORDER), self._position

    def aggregates(self, order_ids: Sequence[str]) -> tuple[dict[str, Aggregate], int]:
        return {key: self._orders[key] for key in order_ids if key in self._orders}, self._position

    def head(self, order_id: str) -> tuple[Aggregate, int]:
        return self.aggregate(order_id)[0]._replace(order=None), self._position

    def receipt(self, order_id: str, request: bytes) -> Link | None:
        return next((link for link in self._links.get(order_id, ()) if link.request == request), None)

    def links_at(self, order_id: str, version: int) -> Collection[bytes]:
        return [link.digest for link in self._links.get(order_id, ()) if link.version == version]

    def project(self, records: Sequence[Logged]) -> None:
        for logged in records:
            self._take(logged)

    def _take(self, logged: Logged) -> None:
        key = logged.key
        judged, _, after = step(logged, self._orders.get(key, NO_ORDER), self._place, partial(self.links_at, key))
        self._position = logged.offset + 1
        if judged.verdict in (*LINKS, Verdict.BROKEN):
            self._orders[key] = after
        if judged.verdict in LINKS and judged.reading is not None:
            is_refusal = judged.verdict is Verdict.REFUSAL
            link = link_of(judged.reading.event, after, logged.digest, logged.offset, is_refusal)
            self._links.setdefault(key, []).append(link)

    def close(self) -> None:
        pass


class FileStore(ProjectedOrders):
    """The file of the projection `orders`, written by the real projection and read as the command side reads it."""

    def __init__(self, projection: OrderProjection, reader: OrderReader) -> None:
        super().__init__(reader, 0)
        self._projection = projection

    def project(self, records: Sequence[Logged]) -> None:
        if records:
            self._projection.fold(0, records)

    async def retry(self, order_id: str) -> None:
        """Fold the waiting facts of a parked order again."""
        await self._projection.retry(order_id)

    def close(self) -> None:
        with closing(self._projection.file), closing(self._reader):
            pass


async def open_file_store(path: Path, log: MemoryLog) -> FileStore:
    """Open the file, or create it."""
    file = await open_projection_file(path, log, b"the only definition", create_order_tables)
    projection = OrderProjection(log, file, cache_bytes=1)
    projection.create_indexes()
    return FileStore(projection, OrderReader(path))
