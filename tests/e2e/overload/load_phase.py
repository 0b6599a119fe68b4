"""Phases of load by callers that wait for their answers."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import grpc
from tests.e2e.overload.order_source import OrderSource
from tests.e2e.refusals import read_error

from ordertrail.v1.commands_pb2 import PlaceOrderResponse

PLACE_ORDER = "/ordertrail.v1.OrderCommandService/PlaceOrder"
# A caller that waits for its answers also waits after a refusal.
RETRY_SECONDS = 0.1
ALLOWED_REASONS = {"OVERLOADED", "UNAVAILABLE"}


@dataclass
class Phase:
    """The receipts of one phase by request id, the seconds that each took, and the other outcomes by reason."""

    begin: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    digests: dict[str, bytes] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """The number of receipts per second."""
        return len(self.digests) / self.seconds

    @property
    def p99(self) -> float:
        """The 99th percentile of the seconds to a receipt."""
        return sorted(self.latencies)[len(self.latencies) * 99 // 100] if self.latencies else float("nan")

    async def place(self, channel: grpc.aio.Channel, request_id: str, raw: bytes, deadline_s: float) -> bool:
        """Place an order; return whether it got a receipt. Fails for an answer that overload does not explain."""
        begin = time.monotonic()
        try:
            answer = await channel.unary_unary(PLACE_ORDER, None, PlaceOrderResponse.FromString)(
                raw, timeout=deadline_s
            )
        except grpc.aio.AioRpcError as error:
            self.refusals[_read_reason(error)] += 1
            return False
        self.latencies.append(time.monotonic() - begin)
        self.digests[request_id] = answer.receipt.digest
        return True

    def end(self) -> None:
        self.seconds = time.monotonic() - self.begin


def _read_reason(error: grpc.aio.AioRpcError) -> str:
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "DEADLINE_EXCEEDED"
    reason = read_error(error).reason
    assert reason in ALLOWED_REASONS, reason
    return reason


async def place_steadily(channel: grpc.aio.Channel, orders: OrderSource, callers: int, seconds: float) -> Phase:
    """Let callers place one order after the other."""
    phase = Phase()

    async def call_repeatedly() -> None:
        while time.monotonic() < phase.begin + seconds:
            if not await phase.place(channel, *orders.create(), deadline_s=30):
                await asyncio.sleep(RETRY_SECONDS)

    await asyncio.gather(*(call_repeatedly() for _ in range(callers)))
    phase.end()
    return phase


def merge_digests(phases: Iterable[Phase]) -> dict[str, bytes]:
    """Return the digests of all receipts, by request id."""
    return {request_id: digest for phase in phases for request_id, digest in phase.digests.items()}
