"""The answers of a server about orders that do not change any more: receipts, queries, streams, parked orders."""

from collections.abc import Sequence
from random import Random
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_status import rpc_status
from tests.e2e.parked import PARKED
from tests.e2e.refusals import Refused, read_error
from tests.e2e.rpcs import RPCS

from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
)
from ordertrail.v1.projection_service_pb2 import ExplainEventRequest, GetParkedOrderRequest, ListParkedOrdersRequest

# What an answer contains beside facts; it may differ each time.
VARIABLE_FIELDS = ("consistency_token", "current_at", "age", "next_page_token")
# INTERNAL: a record of the log is damaged. Any other internal error leaves a traceback, and fails the test.
TEMPORARY = ("UNAVAILABLE", "OVERLOADED", "NOT_FRESH_YET", "QUERY_TIME_LIMIT", "INTERNAL")
TIMEOUT_SECONDS = 15.0

Request = tuple[str, Message]


def build_requests(order_ids: Sequence[str], first_commands: Sequence[Message]) -> list[Request]:
    """Return requests whose answers never change: about orders, and the repetitions of their first commands."""
    requests: list[Request] = [("ListParkedOrders", ListParkedOrdersRequest())]
    requests += [("ListOrders", ListOrdersRequest(product_id="apple"))]
    requests += [("GetParkedOrder", GetParkedOrderRequest(order_id=parked)) for parked in PARKED]
    requests += [("ExplainEvent", ExplainEventRequest(partition=0, offset=offset)) for offset in range(0, 5_000, 50)]
    for order_id in order_ids:
        requests += [
            ("GetOrder", GetOrderRequest(order_id=order_id)),
            ("ListOrderEvents", ListOrderEventsRequest(order_id=order_id, page_size=100)),
            ("StreamOrderEvents", StreamOrderEventsRequest(order_id=order_id)),
        ]
    return requests + [("PlaceOrder", command) for command in first_commands]


def read_refusal(error: grpc.aio.AioRpcError) -> Refused:
    """Return the refusal in the error of a call. A server that has ended sends no details."""
    if error.code() is grpc.StatusCode.UNAVAILABLE and rpc_status.from_call(error) is None:  # type: ignore[arg-type]  # the stubs know sync calls only
        return Refused(error.code(), "UNAVAILABLE", "", {}, [], [], [], None)
    return read_error(error)


async def ask(channel: grpc.aio.Channel, request: Request) -> list[Any] | Refused:
    """Return the answers without their variable fields, or the refusal."""
    name, message = request
    try:
        answers = await RPCS[name].call(channel, message.SerializeToString(), TIMEOUT_SECONDS)
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    if name == "StreamOrderEvents":
        return [event for frame in answers for event in frame.events]
    for answer in answers:
        for field in set(VARIABLE_FIELDS) & {*answer.DESCRIPTOR.fields_by_name}:
            answer.ClearField(field)
    return answers


def is_right(answer: list[Any] | Refused, expected: list[Any] | Refused) -> bool:
    """Return whether an answer is right, or refused for now."""
    if isinstance(answer, Refused):
        return answer.reason in TEMPORARY or (isinstance(expected, Refused) and answer.reason == expected.reason)
    return answer == expected


class FixedAnswers:
    """The requests, and what a server without damage answers."""

    def __init__(self, requests: Sequence[Request], answers: Sequence[list[Any] | Refused]) -> None:
        self._expected = list(zip(requests, answers, strict=True))

    async def find_wrong_answers(self, channel: grpc.aio.Channel, random: Random, count: int) -> list[str]:
        """Ask some of the requests again; return a description of each wrong answer."""
        chosen = random.sample(self._expected, count)
        answers = [(request, await ask(channel, request), expected) for request, expected in chosen]
        return [
            f"{name} {message}: {answer} instead of {expected}"
            for (name, message), answer, expected in answers
            if not is_right(answer, expected)
        ]

    async def find_wrong_or_refused(
        self, channel: grpc.aio.Channel, random: Random, count: int, names: Sequence[str] = ()
    ) -> list[str]:
        """Ask some of the requests again, only those of the named rpcs if any; describe what differs in any way."""
        expected = [pair for pair in self._expected if not names or pair[0][0] in names]
        chosen = random.sample(expected, count)
        return [f"{request}: {answer}" for request, right in chosen if (answer := await ask(channel, request)) != right]


async def record_answers(
    channel: grpc.aio.Channel, order_ids: Sequence[str], first_commands: Sequence[Message]
) -> FixedAnswers:
    """Return the answers of a server without damage."""
    requests = build_requests(order_ids, first_commands)
    return FixedAnswers(requests, [await ask(channel, request) for request in requests])
