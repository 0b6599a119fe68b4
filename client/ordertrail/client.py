"""The asynchronous client: one method for each verb and query, over one connection.

    async with connect("127.0.0.1:50051") as orders:
        receipt = await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
        await orders.confirm(receipt.order_id, expected_version=receipt.order_version)
        async for event in orders.list_events(order_id=receipt.order_id):
            ...

Methods raise the errors of `ordertrail.errors`. Every unary call has a deadline and is retried while the server is
unavailable. Commands carry a request id, so a retry never has a second effect. The generated stubs give access to
everything else: `orders.commands`, `orders.history`, `orders.imports`, `orders.projection`,
`orders.subscription_service`.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from ordertrail.channel import open_channel
from ordertrail.command_methods import CommandMethods
from ordertrail.errors import Unavailable
from ordertrail.projection_methods import ProjectionMethods
from ordertrail.submission_methods import SubmissionMethods
from ordertrail.token import TokenSource
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail.v1.order_history_service_pb2_grpc import OrderHistoryServiceStub
from ordertrail.v1.order_import_service_pb2_grpc import OrderImportServiceStub
from ordertrail.v1.projection_service_pb2_grpc import ProjectionServiceStub
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from ordertrail.values import line, money, shipped
from ordertrail.webhook_methods import WebhookMethods

if TYPE_CHECKING:
    from ordertrail.receipt_chain import Verification

__all__ = ["OrderTrail", "connect", "line", "money", "shipped"]


class OrderTrail(CommandMethods, SubmissionMethods, ProjectionMethods, WebhookMethods):
    """A connection to Ordertrail. Tasks of one event loop can share it; `async with` closes it.

    `timeout` is the default deadline of each unary call, in seconds. `actor` names the sender of the commands and is
    stored with their facts. Raises ValueError if `actor` is not printable ASCII.
    """

    def __init__(self, channel: grpc.aio.Channel, *, timeout: float = 10.0, actor: str = "") -> None:
        if not (actor.isascii() and actor.isprintable()):
            raise ValueError("actor must be printable ASCII, because gRPC metadata cannot carry other characters.")
        self.channel = channel
        self.timeout = timeout
        self.metadata = (("ordertrail-actor", actor),) if actor else ()
        self.commands = OrderCommandServiceStub(channel)
        self.history = OrderHistoryServiceStub(channel)
        self.imports = OrderImportServiceStub(channel)
        self.projection = ProjectionServiceStub(channel)
        self.subscription_service = SubscriptionServiceStub(channel)

    async def reach(self, seconds: float) -> None:
        """Connect now. Raises Unavailable if that takes longer. Without this, the first call connects."""
        try:
            async with asyncio.timeout(seconds):
                await self.channel.channel_ready()
        except TimeoutError:
            message = f"The server was not reached within {seconds:g} seconds."
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", message) from None

    async def verify(self, receipt: Receipt) -> "Verification":
        """Check that the log still contains the record of a receipt, and that no record before it was changed.

        The client computes the digests from the stored bytes. Raises ValueError if the receipt has no digest or
        position.
        """
        from ordertrail.receipt_verifier import verify_receipt  # few callers need the types of stored records

        return await verify_receipt(self, receipt)

    async def close(self) -> None:
        """End all running calls and the connection."""
        await self.channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def connect(
    target: str,
    *,
    timeout: float = 10.0,
    actor: str = "",
    credentials: grpc.ChannelCredentials | None = None,
    token: TokenSource | None = None,
    options: Sequence[tuple[str, object]] = (),
) -> OrderTrail:
    """Return a client of the server at `target` (HOST:PORT). Call it within an event loop.

    The client connects with its first call. `timeout` and `actor` are as for OrderTrail. Without `credentials` the
    connection is not encrypted. `token` is sent with each call, see `ordertrail.token`. Without `credentials`, it is
    sent to this machine only, and otherwise TokenExposed is raised. `options` are gRPC channel arguments; they override
    the client's own.
    """
    return OrderTrail(open_channel(target, credentials, options, token), timeout=timeout, actor=actor)
