"""The checks after a round, when all servers and brokers run again."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from time import monotonic

from tests.chaos.caller_pool import CallerPool
from tests.chaos.evidence import Evidence
from tests.chaos.linearizability import Call, NotLinearizable, Written, check_calls
from tests.chaos.member import GuaranteeViolated, Member
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


async def repeat_newest_requests(callers: CallerPool, members: Iterable[Member], evidence: Evidence) -> None:
    """Query every server for the newest receipt and the version of every order, and record these calls too.

    Raises GuaranteeViolated after a time limit. The refusal of an impossible version names the current one.
    """
    newest = {
        order_id: call.request for order_id, calls in evidence.calls.items() for call in calls if _is_accepted(call)
    }
    began = monotonic()
    for member in members:
        for order_id, request in newest.items():
            probe = ConfirmOrderRequest(
                order_id=order_id, expected_version=NO_VERSION, request_id=f"{order_id}/{member.name}"
            )
            evidence.record_command(probe)
            for repeated in (request, probe):
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


def _is_accepted(call: Call) -> bool:
    return isinstance(call.answer, Receipt)


def find_violations(report: Report, evidence: Evidence) -> Iterator[str]:
    """Yield every guarantee that the topic or an answer of the round violates."""
    if report.faults or report.foreign:
        yield f"the topic: {report}\n{ {kind: getattr(report, kind) for kind in (*report.faults, 'foreign')} }"
    yield from evidence.unexpected_answers
    facts = _facts_by_order(report)
    for order_id, calls in evidence.calls.items():
        try:
            check_calls(calls, facts.get(order_id, []))
        except NotLinearizable as error:
            yield f"{order_id} is not linearizable: {error}"


def _facts_by_order(report: Report) -> dict[str, list[Written]]:
    request_of = {fact.digest: request_id for (_, request_id), fact in report.facts.items()}
    return {
        order_id: [(request_of.get(fact.digest, ""), fact.digest) for fact in facts]
        for order_id, facts in report.orders.items()
    }


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
