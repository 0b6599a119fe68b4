"""The client's commands: one method a verb, batches, and the import of what older producers wrote."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from datetime import date
from typing import TYPE_CHECKING, Unpack, cast

import grpc

from ordertrail.batches import Batches, BatchRpc, iterate
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

__all__ = ["Commanding", "Metadata"]

Metadata = tuple[tuple[str, str], ...]


class Commanding:
    """Gives commands. A verb returns the receipt of the fact that it led to, or raises why there is none.

    What all verbs take by keyword is told in `ordertrail.commands`. With `validate_only` nothing is recorded, and the
    receipt's event is the one that would be. `timeout` is the call's deadline in seconds.
    """

    commands: "OrderCommandServiceAsyncStub"
    imports: "OrderImportServiceAsyncStub"
    timeout: float
    metadata: Metadata

    async def send(self, request: Request, timeout: float | None = None) -> Receipt:
        """Give one command. A request without a request id gets one, so that sending it again is a retry."""
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
        """Order something. Without `order_id` the server derives one from customer and request id."""
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
        """Add a product that is not on the order yet."""
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
        """Change how many of a product are ordered."""
        request = ChangeOrderLineQuantityRequest(order_id=order_id, product_id=product_id, quantity=quantity, **options)
        return await self.send(request, timeout)

    async def remove_line(
        self, order_id: str, product_id: str, *, timeout: float | None = None, **options: Unpack[CommandOptions]
    ) -> Receipt:
        """Take a product off the order; the last one stays."""
        return await self.send(RemoveOrderLineRequest(order_id=order_id, product_id=product_id, **options), timeout)

    async def reschedule_delivery(
        self,
        order_id: str,
        expected_delivery_date: date,
        *,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Change the day on which the customer expects the goods."""
        expected = day(expected_delivery_date)
        request = RescheduleDeliveryRequest(order_id=order_id, expected_delivery_date=expected, **options)
        return await self.send(request, timeout)

    async def confirm(
        self, order_id: str, *, timeout: float | None = None, **options: Unpack[CommandOptions]
    ) -> Receipt:
        """Confirm a placed order; its lines are fixed from then on."""
        return await self.send(ConfirmOrderRequest(order_id=order_id, **options), timeout)

    async def ship(
        self,
        order_id: str,
        lines: Iterable[ShippedLine] = (),
        *,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Ship some lines, or, without any, all that remains."""
        return await self.send(ShipOrderRequest(order_id=order_id, lines=lines, **options), timeout)

    async def deliver(
        self, order_id: str, *, timeout: float | None = None, **options: Unpack[CommandOptions]
    ) -> Receipt:
        """Say that all of a shipped order reached the customer."""
        return await self.send(DeliverOrderRequest(order_id=order_id, **options), timeout)

    async def cancel(
        self,
        order_id: str,
        *,
        reason: str | None = None,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Call off an order of which nothing was shipped."""
        return await self.send(CancelOrderRequest(order_id=order_id, reason=reason, **options), timeout)

    async def return_(
        self,
        order_id: str,
        *,
        reason: str | None = None,
        timeout: float | None = None,
        **options: Unpack[CommandOptions],
    ) -> Receipt:
        """Say that a wholly shipped or delivered order was sent back."""
        return await self.send(ReturnOrderRequest(order_id=order_id, reason=reason, **options), timeout)

    async def execute(
        self,
        commands: Iterable[Request | Command] | AsyncIterable[Request | Command],
        *,
        batch_size: int = 200,
        in_flight: int = 4,
        patience: float = 60.0,
    ) -> AsyncGenerator[CommandResult, None]:
        """Give many commands in batches, and yield one result for each, in their order; a refusal stops nothing.

        A result holds a receipt without its event, or a status for `ordertrail.errors.from_status`. Batches cut off by
        a lost connection are sent again with the same request ids. Raises Unavailable when attempts have failed for
        `patience` seconds, and what the source of commands raises.
        """
        rpc: BatchRpc[Command, ExecuteCommandsRequest, ExecuteCommandsResponse] = BatchRpc(
            open=lambda: self.commands.ExecuteCommands(None, metadata=self.metadata),
            gather=lambda batch: ExecuteCommandsRequest(commands=batch),
            size=Command.ByteSize,
            batch_size=batch_size,
            in_flight=in_flight,
            timeout=self.timeout,
            patience=patience,
        )
        source = (as_command(command) async for command in iterate(commands))
        async with aclosing(Batches(rpc, source).responses()) as responses:
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
        """Take in JSON documents of older producers, and yield one result for each, in their order.

        Whatever is imported again from the same origin adds nothing. Cut connections and errors are as for `execute`.
        """
        rpc: BatchRpc[SourceDocument, ImportOrdersRequest, ImportOrdersResponse] = BatchRpc(
            open=lambda: self.imports.ImportOrders(None, metadata=self.metadata),
            gather=lambda batch: ImportOrdersRequest(documents=batch),
            size=SourceDocument.ByteSize,
            batch_size=batch_size,
            in_flight=in_flight,
            timeout=self.timeout,
            patience=patience,
        )
        async with aclosing(Batches(rpc, documents).responses()) as responses:
            async for response in responses:
                for result in response.results:
                    yield result
