"""The methods of the client that send commands: one per verb, batches, and imports of older producers' documents."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from datetime import date
from typing import TYPE_CHECKING, Unpack, cast

import grpc

from ordertrail.batch_stream import BatchRpc, BatchStream, iterate
from ordertrail.commands import CommandOptions, Request, as_command, ensure_request_id
from ordertrail.errors import from_rpc_error
from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    Command,
    CommandResult,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    ExecuteCommandsRequest,
    ExecuteCommandsResponse,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.order_events_pb2 import OrderedLine, ShippedLine
from ordertrail.v1.order_import_service_pb2 import (
    ImportOrdersRequest,
    ImportOrdersResponse,
    ImportResult,
    SourceDocument,
)
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.values import day

if TYPE_CHECKING:
    from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceAsyncStub
    from ordertrail.v1.order_import_service_pb2_grpc import OrderImportServiceAsyncStub

__all__ = ["CommandMethods", "Metadata"]

Metadata = tuple[tuple[str, str], ...]


class CommandMethods:
    """The methods that send commands. A verb returns the receipt of the fact that it led to, or raises an error.

    `ordertrail.commands` explains the options that all verbs take by keyword. With `validate_only` nothing is recorded,
    and the receipt has the event that would be recorded. `timeout` is the call's deadline in seconds.
    """

    commands: "OrderCommandServiceAsyncStub"
    imports: "OrderImportServiceAsyncStub"
    timeout: float
    metadata: Metadata

    async def send(self, request: Request, timeout: float | None = None) -> Receipt:
        """Send one command. A request without a request id gets one, so that sending it again is a retry."""
        rpc = getattr(self.commands, type(request).__name__.removesuffix("Request"))
        try:
            response = await rpc(
                ensure_request_id(request), timeout=self.timeout if timeout is None else timeout, metadata=self.metadata
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
        return cast(Receipt, response.receipt)

    async def place(
        self,
        customer_id: str,
        lines: Iterable[OrderedLine],
        *,
        order_id: str = "",
        expected_delivery_date: date | None = None,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Place an order. Without `order_id` the server derives one from the customer id and the request id."""
        request = PlaceOrderRequest(
            order_id=order_id,
            customer_id=customer_id,
            lines=lines,
            expected_delivery_date=day(expected_delivery_date) if expected_delivery_date else None,
            **options,
        )
        return await self.send(request, timeout)

    async def add_line(
        self, order_id: str, line: OrderedLine, *, timeout: float | None = None, **options: Unpack[CommandOptions]
    ) -> Receipt:
        """Add a line for a product that the order does not have yet."""
        return await self.send(AddOrderLineRequest(order_id=order_id, line=line, **options), timeout)

    async def change_line_quantity(
        self,
        order_id: str,
        product_id: str,
        quantity: int,
        *,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Change the ordered quantity of a product."""
        request = ChangeOrderLineQuantityRequest(order_id=order_id, product_id=product_id, quantity=quantity, **options)
        return await self.send(request, timeout)

    async def remove_line(
        self, order_id: str, product_id: str, *, timeout: float | None = None, **options: Unpack[CommandOptions]
    ) -> Receipt:
        """Remove the line of a product. The last line of an order cannot be removed."""
        return await self.send(RemoveOrderLineRequest(order_id=order_id, product_id=product_id, **options), timeout)

    async def reschedule_delivery(
        self,
        order_id: str,
        expected_delivery_date: date,
        *,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Change the date on which the customer expects the goods."""
        delivery_date = day(expected_delivery_date)
        request = RescheduleDeliveryRequest(order_id=order_id, expected_delivery_date=delivery_date, **options)
        return await self.send(request, timeout)

    async def confirm(
        self, order_id: str, *, timeout: float | None = None, **options: Unpack[CommandOptions]
    ) -> Receipt:
        """Confirm a placed order. Its lines cannot change afterwards."""
        return await self.send(ConfirmOrderRequest(order_id=order_id, **options), timeout)

    async def ship(
        self,
        order_id: str,
        lines: Iterable[ShippedLine] = (),
        *,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Ship the given lines, or everything that is not shipped yet if no lines are given."""
        return await self.send(ShipOrderRequest(order_id=order_id, lines=lines, **options), timeout)

    async def deliver(
        self, order_id: str, *, timeout: float | None = None, **options: Unpack[CommandOptions]
    ) -> Receipt:
        """Record that the customer received a wholly shipped order."""
        return await self.send(DeliverOrderRequest(order_id=order_id, **options), timeout)

    async def cancel(
        self,
        order_id: str,
        *,
        reason: str | None = None,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Cancel an order of which nothing was shipped."""
        return await self.send(CancelOrderRequest(order_id=order_id, reason=reason, **options), timeout)

    async def return_(
        self,
        order_id: str,
        *,
        reason: str | None = None,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Record that the customer sent back a wholly shipped or delivered order."""
        return await self.send(ReturnOrderRequest(order_id=order_id, reason=reason, **options), timeout)

    async def execute(
        self,
        commands: Iterable[Request | Command] | AsyncIterable[Request | Command],
        *,
        batch_size: int = 200,
        in_flight: int = 4,
        patience: float = 60.0,
    ) -> AsyncGenerator[CommandResult, None]:
        """Send commands in batches and yield one result for each, in order; a refused command does not stop the others.

        A command is a request message, such as ConfirmOrderRequest. A result holds a receipt without its event, or a
        status for `ordertrail.errors.from_status`. After a lost connection, batches without an answer are sent again
        with the same request ids. Raises Unavailable when attempts have failed for `patience` seconds, and any error
        of the source of commands.
        """
        rpc: BatchRpc[Command, ExecuteCommandsRequest, ExecuteCommandsResponse] = BatchRpc(
            open=lambda: self.commands.ExecuteCommands(None, metadata=self.metadata),
            gather=lambda batch: ExecuteCommandsRequest(commands=batch),
            size=Command.ByteSize,
            batch_size=batch_size,
            in_flight=in_flight,
            timeout=self.timeout,
            retry_seconds=patience,
        )
        source = (as_command(command) async for command in iterate(commands))
        async with aclosing(BatchStream(rpc, source).responses()) as responses:
            async for response in responses:
                for result in response.results:
                    yield result

    async def import_documents(
        self,
        documents: Iterable[SourceDocument] | AsyncIterable[SourceDocument],
        *,
        batch_size: int = 200,
        in_flight: int = 4,
        patience: float = 60.0,
    ) -> AsyncGenerator[ImportResult, None]:
        """Import JSON documents of older producers and yield one result for each, in order.

        A document that was imported from the same origin before adds nothing. Retries and errors are as for `execute`.
        """
        rpc: BatchRpc[SourceDocument, ImportOrdersRequest, ImportOrdersResponse] = BatchRpc(
            open=lambda: self.imports.ImportOrders(None, metadata=self.metadata),
            gather=lambda batch: ImportOrdersRequest(documents=batch),
            size=SourceDocument.ByteSize,
            batch_size=batch_size,
            in_flight=in_flight,
            timeout=self.timeout,
            retry_seconds=patience,
        )
        async with aclosing(BatchStream(rpc, documents).responses()) as responses:
            async for response in responses:
                for result in response.results:
                    yield result
