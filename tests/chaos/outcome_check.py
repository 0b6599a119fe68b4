"""The check that every acknowledged submission has an outcome in the end."""

import asyncio
from collections.abc import Iterable
from itertools import cycle
from math import inf
from time import monotonic
from typing import Any

import grpc
from tests.chaos.evidence import Evidence
from tests.chaos.member import GuaranteeViolated, Member

from ordertrail.errors import from_rpc_error
from ordertrail.v1 import submitted_commands_pb2 as messages
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail_server.log.deadline import Deadline

DECIDED_S, CALL_S = 30.0, 5.0


async def await_outcomes(members: Iterable[Member], evidence: Evidence) -> None:
    """List the submitted commands of every order until all have outcomes, and record these.

    Each order's commands are listed by one of the servers. Raises GuaranteeViolated after a time limit.
    """
    began = monotonic()
    for order_id, member in zip(evidence.order_ids, cycle(members), strict=False):
        deadline = Deadline(DECIDED_S)
        while undecided := await _find_undecided(member, order_id, evidence):
            if deadline.has_passed():
                raise GuaranteeViolated(f"{member.name} shows no outcomes of {sorted(undecided)}")
            await asyncio.sleep(0.05)
    evidence.counts["seconds until all decided"] = round(monotonic() - began)


async def _find_undecided(member: Member, order_id: str, evidence: Evidence) -> set[str]:
    """Return the request ids of the acknowledged or listed commands of an order that have no outcome."""
    undecided = {
        submission.request.request_id for submission in evidence.submitted.on(order_id) if submission.acknowledged < inf
    }
    stub: Any = OrderCommandServiceStub(member.channel)
    query = messages.ListCommandsRequest(order_id=order_id)
    try:
        while True:
            page = await stub.ListCommands(query, timeout=CALL_S)
            for command in page.commands:
                is_decided = evidence.record_state(command, member.name)
                (undecided.discard if is_decided else undecided.add)(command.request_id)
            query.page_token = page.next_page_token
            if not query.page_token:
                return undecided
    except grpc.aio.AioRpcError as error:
        evidence.record_query_error(f"the list of {order_id}", member.name, from_rpc_error(error))
        return {*undecided, f"the list of {order_id}"}
