"""What must hold once a round is over and all are well again."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from time import monotonic

from tests.chaos import linear
from tests.chaos.book import Book
from tests.chaos.callers import Callers
from tests.chaos.members import Broken, Member
from tests.kafka.checker import Report

from ordertrail.client import OrderTrail
from ordertrail.commands import Request
from ordertrail.errors import OrderTrailError, Unavailable
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.deadline import Deadline
from ordertrail_server.orders.evolve import fold

ANSWER_S, CALL_S = 30.0, 5.0
NO_VERSION = 1_000_000

History = tuple[Order, list[HistoryEvent]]


async def ask_all_again(callers: Callers, members: Iterable[Member], book: Book) -> None:
    """Ask every server for the newest receipt and the version of every order; the answers are calls like any other.

    Raises Broken where one does not answer in time. A version nobody can expect is refused with the one that there is.
    """
    newest = {order_id: call.request for order_id, calls in book.calls.items() for call in calls if _accepted(call)}
    begun = monotonic()
    for member in members:
        for order_id, request in newest.items():
            probe = ConfirmOrderRequest(
                order_id=order_id, expected_version=NO_VERSION, request_id=f"{order_id}/{member.name}"
            )
            book.ask(probe)
            for asked in (request, probe):
                await _insist(callers, member, asked, book)
    book.counts["seconds until all answered"] = round(monotonic() - begun)


async def _insist(callers: Callers, member: Member, request: Request, book: Book) -> None:
    deadline = Deadline(ANSWER_S)
    while not await callers.ask(member, request, CALL_S):
        if deadline.has_passed():
            last = book.calls[request.order_id][-1]
            member.abort()
            raise Broken(f"{member.name} does not answer, {ANSWER_S} seconds after all is well again: {last}")
        await asyncio.sleep(0.1)


def _accepted(call: linear.Call) -> bool:
    return isinstance(call.answer, Receipt)


def violations(report: Report, book: Book) -> Iterator[str]:
    """Yield every promise that the topic or an answer of the round breaks."""
    if report.faults or report.foreign:
        yield f"the topic: {report}\n{ {kind: getattr(report, kind) for kind in (*report.faults, 'foreign')} }"
    yield from book.odd
    by_order = _written(report)
    for order_id, calls in book.calls.items():
        try:
            linear.check(calls, by_order.get(order_id, []))
        except linear.NotLinearizable as found:
            yield f"{order_id} is not linearizable: {found}"


def _written(report: Report) -> dict[str, list[linear.Written]]:
    request_of = {fact.digest: request_id for (_, request_id), fact in report.facts.items()}
    return {
        order_id: [(request_of.get(fact.digest, ""), fact.digest) for fact in facts]
        for order_id, facts in report.orders.items()
    }


async def read_alike(members: Iterable[Member], report: Report, book: Book) -> None:
    """Raise Broken unless every server that answers queries tells the histories that the topic holds."""
    for member in members:
        reader = OrderTrail(member.channel, timeout=ANSWER_S)
        for order_id, token in book.tokens.items():
            facts = [(fact.version, fact.digest, fact.partition, fact.offset) for fact in report.orders[order_id]]
            try:
                order, events = await _history(reader, order_id, token, len(facts))
            except (TimeoutError, OrderTrailError) as error:
                raise Broken(f"{member.name} does not tell {order_id} to version {len(facts)}: {error!r}") from error
            read = [(e.order_version, e.digest, e.position.partition, e.position.offset) for e in events]
            if read != facts:
                raise Broken(f"{member.name} tells another history of {order_id}: {read}, the topic {facts}")
            if order != fold(events):
                raise Broken(f"{member.name} tells another state of {order_id}: {order}, its events {fold(events)}")


async def _history(reader: OrderTrail, order_id: str, token: str, version: int) -> History:
    """Return an order and its events once it has the version, which may be newer than any receipt.

    Raises TimeoutError, OrderTrailError. A server that was just started may have to catch up first.
    """
    fresh = [token]
    async with asyncio.timeout(ANSWER_S):
        while True:
            with suppress(Unavailable):
                order = await reader.get(order_id, at_least_as_fresh=fresh)
                if order.version >= version:
                    return order, [e async for e in reader.list_events(order_id=order_id, at_least_as_fresh=fresh)]
            await asyncio.sleep(0.05)
