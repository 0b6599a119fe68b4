"""Commands on orders that change while files are damaged."""

from collections.abc import Iterator
from random import Random
from typing import Any

import grpc
from tests.e2e.damage.fixed_answers import TEMPORARY, TIMEOUT_SECONDS, read_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.sample_orders import build_order_commands, new_id

from ordertrail.v1.order_history_service_pb2 import GetOrderRequest
from ordertrail.v1.receipt_pb2 import Receipt

ORDERS = 6


class ChangingOrder:
    """An order, its next commands, and the version that it must have."""

    def __init__(self) -> None:
        self.order_id = new_id("changing")
        self._commands: Iterator[Any] = build_order_commands(self.order_id, Random(self.order_id))
        self._pending: Any = None
        self.version = 0
        self.token = ""

    async def continue_once(self, channel: grpc.aio.Channel) -> Receipt | str | None:
        """Execute the next command; return its receipt, the description of a wrong answer, or None if it is refused.

        A command that was refused for now is repeated with its request id.
        """
        self._pending = self._pending or next(self._commands, None)
        if self._pending is None:
            return None
        name = type(self._pending).__name__.removesuffix("Request")
        try:
            [answer] = await RPCS[name].call(channel, self._pending.SerializeToString(), TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            refusal = read_refusal(error)
            return None if refusal.reason in TEMPORARY else f"{name} of {self.order_id}: {refusal}"
        receipt: Receipt = answer.receipt
        if receipt.order_version != self.version + 1:
            return f"{name} of {self.order_id}: version {receipt.order_version} after {self.version}"
        self.version, self.token, self._pending = receipt.order_version, receipt.consistency_token, None
        return receipt

    async def find_wrong_state(self, channel: grpc.aio.Channel) -> list[str]:
        """Read the order with its token; return the description of a wrong answer."""
        request = GetOrderRequest(order_id=self.order_id, at_least_as_fresh=[self.token])
        try:
            [answer] = await RPCS["GetOrder"].call(channel, request.SerializeToString(), TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            refusal = read_refusal(error)
            return [] if refusal.reason in TEMPORARY else [f"GetOrder of {self.order_id}: {refusal}"]
        if answer.order.version == self.version:
            return []
        return [f"GetOrder of {self.order_id}: version {answer.order.version}, not {self.version}"]


class CommandTraffic:
    """Some changing orders; finished ones are replaced by new ones. `receipts` are those of all commands."""

    def __init__(self) -> None:
        self._orders = [ChangingOrder() for _ in range(ORDERS)]
        self.receipts: list[Receipt] = []

    async def find_wrong_answers(self, channel: grpc.aio.Channel, random: Random) -> list[str]:
        """Continue some of the orders, and read them; return a description of each wrong answer."""
        wrong_answers = []
        for index in random.sample(range(ORDERS), 2):
            order = self._orders[index]
            outcome = await order.continue_once(channel)
            if isinstance(outcome, str):
                wrong_answers.append(outcome)
            elif outcome is not None:
                self.receipts.append(outcome)
            if order.version:
                wrong_answers += await order.find_wrong_state(channel)
            if order.version > 12:
                self._orders[index] = ChangingOrder()
        return wrong_answers
