"""Reads the log with the verdicts that the projection `orders` holds, for projections that are behind it.

Each message is judged and folded once, by the engine. Other projections take its verdicts, so all of them agree, and a
projection that does not use orders need not keep any.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.facts.step import Judged
from ordertrail_server.log.port import Log, Logged
from ordertrail_server.log.position import LogPosition
from ordertrail_server.log.single_read import read_one
from ordertrail_server.orders.chain import Verdict
from ordertrail_server.orders.times import moment
from ordertrail_server.projections.batch import AppliedFact, Batch, Parking, WaitingFact
from ordertrail_server.projections.projection_error import ProjectionFailed
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.packed_id import pack_sql
from ordertrail_server.storage.transaction import read_transaction

POSITION = "SELECT next_offset, retries FROM ordertrail_positions WHERE partition = ?"
NOT_LINKS = "SELECT position, verdict, detail FROM not_links WHERE position >= ? AND position < ?"
WAITING = "SELECT position, reason FROM ordertrail_waiting WHERE position >= ? AND position < ?"
STILL_WAITING = "SELECT position, reason FROM ordertrail_waiting WHERE position IN (SELECT value FROM json_each(?))"
ORDERS = f"json_each(?) i CROSS JOIN orders o ON o.order_key = {pack_sql('i.value')}"
PARKED = f"SELECT i.value, o.parked, p.position FROM {ORDERS} CROSS JOIN parked_orders p ON p.order_id = i.value"
EARLIER_FACTS = f"""SELECT l."offset" FROM links l JOIN orders o ON o.order_no = l.order_no
WHERE o.order_key = {pack_sql("?1")} AND l.version < ?2 AND NOT l.is_refusal ORDER BY l.version"""
CUSTOMERS = f"SELECT i.value, o.customer_id FROM {ORDERS}"
TIMES = f"""SELECT i.value, l.version, l.time FROM {ORDERS} CROSS JOIN links l INDEXED BY links_with_time
ON l.order_no = o.order_no AND l.time IS NOT NULL"""


class RetriedFacts(NamedTuple):
    """What retries have changed: a batch of the facts that no longer wait, and {position: reason} of those that do."""

    freed: Batch
    waiting: Mapping[int, str]


class _Verdicts(NamedTuple):
    end: int
    not_links: dict[int, tuple[str, str]]
    waiting: dict[int, str]
    parked: dict[str, Parking | None]
    orders: "_OrderData"


class _OrderData(NamedTuple):
    """{order id: customer}, and {order id and version: time} of the facts whose folded time is not their own."""

    customers: dict[str, str | None]
    times: dict[tuple[str, int], int]

    def applied(self, logged: Logged, reading: Reading | None) -> AppliedFact:
        reading = _require_readable(logged, reading)
        event = reading.event
        time = self.times.get((logged.key, event.order_version))
        folded_time = event.record_time if time is None else moment(time)
        return AppliedFact(logged, reading, folded_time, self.customers.get(logged.key), None, None)


class JudgedLog:
    """One log with the verdicts of one file of the projection `orders`, which another process may be writing."""

    def __init__(self, log: Log, orders: Connection) -> None:
        self._log, self._orders = log, orders

    def position(self, partition: int) -> tuple[int, int]:
        """Return the offset up to which messages are judged, and the number of retries of parked orders."""
        row: tuple[int, int] = self._orders.execute(POSITION, (partition,)).fetchone()
        return row

    async def read(self, partition: int, offset: int, limit: int, held_back: Collection[str] = ()) -> Batch | None:
        """Return the messages from `offset` on that are judged, at most `limit`; None if there are none.

        The batch ends before the first fact of an order in `held_back`, whose earlier facts must be applied first. Its
        facts are without orders. Raises ProjectionFailed if a fact cannot be read any more.
        """
        records = await self._log.read(partition, offset, limit)
        verdicts = self._read_verdicts(partition, records)
        batch = Batch(self._log.topic, partition, offset, b"")
        for logged in records:
            if logged.offset >= verdicts.end or not _add(batch, logged, verdicts, held_back):
                break
            batch.next_offset, batch.digest = logged.offset + 1, logged.digest
        changed = {*(fact.logged.key for fact in batch.waiting), *_broken_orders(batch)}
        batch.parked = {order_id: verdicts.parked[order_id] for order_id in changed if order_id in verdicts.parked}
        return batch if batch.next_offset > offset else None

    async def read_retried(self, partition: int, waiting: Mapping[int, str], at: tuple[int, bytes]) -> RetriedFacts:
        """Return what has become of the waiting facts (position to order id).

        `at` is the position of the projection, which the batch keeps. Its facts are without orders, in the order of the
        log.
        """
        still_waiting = dict(self._orders.execute(STILL_WAITING, (json.dumps(list(waiting)),)).fetchall())
        batch = Batch(self._log.topic, partition, *at)
        freed = sorted(waiting.keys() - still_waiting.keys())
        orders = self._order_data({waiting[position] for position in freed})
        for position in freed:
            logged = await read_one(self._log, partition, LogPosition.unpack(position).offset)
            batch.facts.append(orders.applied(logged, read(logged.value)))
        batch.parked = self._parked(set(waiting.values()))
        return RetriedFacts(batch, still_waiting)

    async def read_events(self, partition: int, order_id: str, before_version: int) -> list[HistoryEvent]:
        """Return the events of an order before one of its versions, which were all folded.

        Raises ProjectionFailed if one cannot be read any more.
        """
        if before_version == 1:
            return []
        offsets = [offset for (offset,) in self._orders.execute(EARLIER_FACTS, (order_id, before_version))]
        return [await self._read_event(partition, offset) for offset in offsets]

    async def _read_event(self, partition: int, offset: int) -> HistoryEvent:
        logged = await read_one(self._log, partition, offset)
        return _require_readable(logged, read(logged.value)).event

    def _read_verdicts(self, partition: int, records: list[Logged]) -> _Verdicts:
        if not records:
            return _Verdicts(0, {}, {}, {}, _OrderData({}, {}))
        bounds = tuple(LogPosition(partition, o).pack() for o in (records[0].offset, records[-1].offset + 1))
        with read_transaction(self._orders):
            end, _ = self.position(partition)
            not_links = {at: (verdict, detail) for at, verdict, detail in self._orders.execute(NOT_LINKS, bounds)}
            waiting = dict(self._orders.execute(WAITING, bounds).fetchall())
            order_ids = {logged.key for logged in records}
            parked = self._parked(order_ids) if not_links or waiting else {}
            orders = self._order_data(order_ids)
        return _Verdicts(end, not_links, waiting, parked, orders)

    def _order_data(self, order_ids: Collection[str]) -> _OrderData:
        ids = json.dumps(list(order_ids))
        times = {(order_id, version): time for order_id, version, time in self._orders.execute(TIMES, (ids,))}
        return _OrderData(dict(self._orders.execute(CUSTOMERS, (ids,)).fetchall()), times)

    def _parked(self, order_ids: Collection[str]) -> dict[str, Parking | None]:
        rows = self._orders.execute(PARKED, (json.dumps(list(order_ids)),))
        return {**dict.fromkeys(order_ids), **{order_id: Parking(*parking) for order_id, *parking in rows}}


def _require_readable(logged: Logged, reading: Reading | None) -> Reading:
    if reading is None or reading.fault:  # a transient defect: code that reads otherwise has files of its own
        raise ProjectionFailed(f"the record at offset {logged.offset} was a fact, but can no longer be read")
    return reading


def _add(batch: Batch, logged: Logged, verdicts: _Verdicts, held_back: Collection[str]) -> bool:
    position, reading = batch.position_of(logged.offset), read(logged.value)
    if position in verdicts.not_links:
        verdict, detail = verdicts.not_links[position]
        batch.non_facts.append((logged, Judged(Verdict(verdict), reading, detail)))
    elif reading is not None and reading.refusal is not None:
        batch.non_facts.append((logged, Judged(Verdict.REFUSAL, reading)))
    elif reading is not None and position in verdicts.waiting:
        batch.waiting.append(WaitingFact(logged, reading, verdicts.waiting[position]))
    elif logged.key in held_back:
        return False
    else:
        batch.facts.append(verdicts.orders.applied(logged, reading))
    return True


def _broken_orders(batch: Batch) -> Iterable[str]:
    return (logged.key for logged, judged in batch.non_facts if judged.verdict is Verdict.BROKEN)
