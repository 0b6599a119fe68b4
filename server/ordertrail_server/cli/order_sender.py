"""Sends sample orders to the server, and sends them again while it is unavailable."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator

from ordertrail.backoff import Backoff
from ordertrail.client import OrderTrail
from ordertrail.commands import Request
from ordertrail.errors import OrderTrailError, Unavailable, from_status
from ordertrail_server.cli.production_report import ProductionReport

CONCURRENT_ORDERS = 32
RETRY_SECONDS = 60.0

Orders = Iterable[list[Request]]


async def send_in_batches(client: OrderTrail, orders: Orders, report: ProductionReport) -> None:
    """Send all commands in batches. Raises Unavailable if the server stays unavailable."""
    backoff = Backoff(RETRY_SECONDS)
    acknowledged = 0
    while unsent := await _send_round(client, orders, report):
        if report.acknowledged > acknowledged:
            acknowledged = report.acknowledged
            backoff.reset()
        await backoff.wait(unsent.cause)
        orders = list(unsent.orders.values())


async def send_one_by_one(client: OrderTrail, orders: Orders, report: ProductionReport) -> None:
    """Send each command in a call of its own, several orders concurrently. Raises Unavailable as above."""
    remaining_orders = iter(orders)
    await asyncio.gather(*(_send_orders(client, remaining_orders, report) for _ in range(CONCURRENT_ORDERS)))


class _UnsentCommands:
    """The commands to send again: of each order the first one that the server did not accept, and all later ones."""

    def __init__(self) -> None:
        self.orders: dict[str, list[Request]] = {}
        self.cause: Unavailable

    def __bool__(self) -> bool:
        return bool(self.orders)


async def _send_round(client: OrderTrail, orders: Orders, report: ProductionReport) -> _UnsentCommands:
    in_flight: deque[Request] = deque()
    unsent = _UnsentCommands()
    async for result in client.execute(_track(orders, in_flight)):
        request = in_flight.popleft()
        if request.order_id in unsent.orders:
            unsent.orders[request.order_id].append(request)
        elif result.HasField("receipt"):
            report.acknowledge(result.receipt)
        elif isinstance(error := from_status(result.status), Unavailable):
            unsent.orders[request.order_id], unsent.cause = [request], error
        else:
            report.refuse(request, error)
    return unsent


def _track(orders: Orders, in_flight: deque[Request]) -> Iterator[Request]:
    for requests in orders:
        for request in requests:
            in_flight.append(request)
            yield request


async def _send_orders(client: OrderTrail, orders: Iterator[list[Request]], report: ProductionReport) -> None:
    for requests in orders:
        for request in requests:
            await _send(client, request, report)


async def _send(client: OrderTrail, request: Request, report: ProductionReport) -> None:
    backoff = Backoff(RETRY_SECONDS)
    while True:
        try:
            return report.acknowledge(await client.send(request))
        except Unavailable as cause:
            await backoff.wait(cause)
        except OrderTrailError as error:
            return report.refuse(request, error)
