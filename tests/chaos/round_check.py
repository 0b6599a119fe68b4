"""The checks after a round, when all servers and brokers run again."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from time import monotonic

from tests.chaos.caller_pool import CallerPool
from tests.chaos.evidence import Evidence, read_refusal
from tests.chaos.linearizability import NotLinearizable, WrittenLink, check_calls
from tests.chaos.member import GuaranteeViolated, Member
from tests.chaos.submission_evidence import find_reordered
from tests.kafka.checker import OrderLink, Report

from ordertrail.client import OrderTrail
from ordertrail.commands import Request
from ordertrail.errors import OrderTrailError, Unavailable, from_status
from ordertrail.log.v1.record_pb2 import Refusal as StoredRefusal
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.deadline import Deadline
from ordertrail_server.orders.evolve import fold
from ordertrail_server.orders.refusal import Refusal

ANSWER_S, CALL_S = 30.0, 5.0
NO_VERSION = 1_000_000

History = tuple[Order, list[HistoryEvent]]


async def repeat_newest_requests(callers: CallerPool, members: Iterable[Member], evidence: Evidence) -> None:
    """Query every server for the newest recorded outcomes and the version of every order.

    These calls are recorded too. The refusal of an impossible version names the current one. Raises GuaranteeViolated
    after a time limit.
    """
    newest = {order_id: list(_newest_requests(evidence, order_id)) for order_id in evidence.order_ids}
    began = monotonic()
    for member in members:
        for order_id, requests in newest.items():
            probe = ConfirmOrderRequest(
                order_id=order_id, expected_version=NO_VERSION, request_id=f"{order_id}/{member.name}"
            )
            evidence.record_command(probe)
            for repeated in (*requests, probe):
                await _call_until_answered(callers, member, repeated, evidence)
    evidence.counts["seconds until all answered"] = round(monotonic() - began)


async def _call_until_answered(callers: CallerPool, member: Member, request: Request, evidence: Evidence) -> None:
    deadline = Deadline(ANSWER_S)
    while not await callers.call_once(member, request, CALL_S):
        if deadline.has_passed():
            last = evidence.calls[request.order_id][-1]
            member.abort()
            raise GuaranteeViolated(f"{member.name} does not answer {ANSWER_S} seconds after the last fault: {last}")
        await asyncio.sleep(0.1)


def _newest_requests(evidence: Evidence, order_id: str) -> Iterator[Request]:
    """Yield the newest requests with recorded outcomes: of an accepted call, and of a submission of either outcome."""
    submitted = evidence.submitted.on(order_id)
    for calls, kind in (evidence.calls.get(order_id, []), Receipt), (submitted, Receipt), (submitted, Refusal):
        yield from [call.request for call in calls if isinstance(call.answer, kind)][-1:]


def find_violations(report: Report, evidence: Evidence) -> Iterator[str]:
    """Yield every guarantee that the topic or an answer of the round violates."""
    if report.faults or report.foreign:
        yield f"the topic: {report}\n{ {kind: getattr(report, kind) for kind in (*report.faults, 'foreign')} }"
    yield from evidence.unexpected_answers
    yield from evidence.submitted.violations
    for order_id in evidence.order_ids:
        links = [_read_link(order_id, link) for link in report.links.get(order_id, [])]
        yield from find_reordered(evidence.submitted.on(order_id), links)
        try:
            check_calls(evidence.calls_on(order_id), links)
        except NotLinearizable as error:
            yield f"{order_id} is not linearizable: {error}"


def _read_link(order_id: str, link: OrderLink) -> WrittenLink:
    if link.refusal is None:
        return WrittenLink(link.request_id, link.digest)
    error = from_status(StoredRefusal.FromString(link.refusal).status)
    return WrittenLink(link.request_id, link.digest, read_refusal(error, order_id))


async def check_reads(members: Iterable[Member], report: Report, evidence: Evidence) -> None:
    """Raise GuaranteeViolated unless every query server returns the histories that the topic holds."""
    for member in members:
        reader = OrderTrail(member.channel, timeout=ANSWER_S)
        for order_id, token in evidence.tokens.items():
            facts = [(fact.version, fact.digest, fact.partition, fact.offset) for fact in report.orders[order_id]]
            try:
                order, events = await _read_history(reader, order_id, token, len(facts))
            except (TimeoutError, OrderTrailError) as error:
                raise GuaranteeViolated(
                    f"{member.name} does not return version {len(facts)} of {order_id}: {error!r}"
                ) from error
            read = [(e.order_version, e.digest, e.position.partition, e.position.offset) for e in events]
            if read != facts:
                raise GuaranteeViolated(
                    f"{member.name} returns another history of {order_id}: {read}, the topic {facts}"
                )
            if order != fold(events):
                raise GuaranteeViolated(f"{member.name} returns another {order_id}: {order}, its events {fold(events)}")


async def _read_history(reader: OrderTrail, order_id: str, token: str, version: int) -> History:
    """Return an order and its events once it has the version, which may be newer than any receipt.

    Raises TimeoutError or OrderTrailError. A server that has just started must catch up first.
    """
    fresh = [token]
    async with asyncio.timeout(ANSWER_S):
        while True:
            with suppress(Unavailable):
                order = await reader.get(order_id, at_least_as_fresh=fresh)
                if order.version >= version:
                    return order, [e async for e in reader.list_events(order_id=order_id, at_least_as_fresh=fresh)]
            await asyncio.sleep(0.05)
