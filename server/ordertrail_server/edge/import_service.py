"""OrderImportService: records the documents of older producers as facts."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.order_import_service_pb2 import ImportOrdersResponse, SourceDocument
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.prepare import Caller, derive_id, prepare_import
from ordertrail_server.commands.refusal_status import status_of
from ordertrail_server.edge.batch_work import BatchWork
from ordertrail_server.edge.deadline import command_deadline
from ordertrail_server.edge.receipts import Receipts
from ordertrail_server.edge.validation import BATCH_BYTES, parse, validate
from ordertrail_server.orders.imported_order import MAX_ID, is_id
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.statements import UnreadableDocument, own_order_id, read_document, read_statement
from ordertrail_server.schema.writing import encode_statement

# No customer has an empty id, so a placed order never gets the derived id of an imported one.
NO_CUSTOMER = ""


class ImportService:
    """Passes documents to the write side as commands with their own stored event."""

    def __init__(self, receipts: Receipts, batch_work: BatchWork) -> None:
        self._receipts, self._batch_work = receipts, batch_work

    async def import_batches(
        self, batches: AsyncIterator[list[bytes]], caller: Caller, time_remaining: float | None = None
    ) -> AsyncIterator[ImportOrdersResponse]:
        """Import batches of serialized documents one after another; a refused document does not stop the others."""
        deadline = command_deadline(time_remaining)
        async for batch in batches:
            response, origins = ImportOrdersResponse(), list[str]()
            prepare_one = partial(_prepare_one, caller, deadline, origins)
            await self._batch_work.run(batch, prepare_one, partial(self._add_result, response, origins))
            yield response

    def _add_result(self, response: ImportOrdersResponse, origins: list[str], submitted: Attempt | Refusal) -> None:
        result = response.results.add(origin=origins[len(response.results)])
        refusal = self._receipts.fill_slim(result.receipt, submitted)
        if refusal is not None:
            result.status.CopyFrom(status_of(_refusal_of_document(refusal)))


def _prepare_one(caller: Caller, deadline: float, origins: list[str], raw: bytes) -> Attempt | Refusal:
    """Return the attempt to import a document, or its refusal; append its origin to `origins`."""
    origins.append("")
    try:
        document = parse(SourceDocument, raw, BATCH_BYTES)
        origins[-1] = document.origin
        validate(document)
        attempt = _prepare(document, caller)
    except UnreadableDocument as unreadable:
        return Refusal(reasons.ERROR_REASON_UNREADABLE_DOCUMENT, str(unreadable))
    except Refused as refused:
        return refused.refusal
    attempt.deadline = deadline
    return attempt


def _refusal_of_document(refusal: Refusal) -> Refusal:
    if refusal.reason == reasons.ERROR_REASON_REQUEST_ID_REUSED:
        # The server derived the request id from the order's id, so the caller sees a conflict of orders.
        text = (
            f"Another document with the order id {refusal.order_id} was imported before; correct the id at the source."
        )
        return Refusal(reasons.ERROR_REASON_ORDER_EXISTS, text, refusal.order_id)
    return refusal


def _prepare(document: SourceDocument, caller: Caller) -> Attempt:
    """Return the attempt to import a document. Raises UnreadableDocument.

    An order without an id of its own is identified by its origin. If it has an id, the same document again is a retry,
    whatever its origin, and another document with this id is refused.
    """
    statement = read_document(document.json)
    order_id = own_order_id(statement)
    if order_id and not is_id(order_id):
        raise UnreadableDocument(
            f"The order id of a document must have 1 to {MAX_ID} characters and no control characters."
        )
    request_id = "import" if order_id else f"import:{document.origin}"
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    return prepare_import(
        order_id or derive_id(NO_CUSTOMER, request_id),
        request_id,
        caller,
        document.origin,
        encode_statement(statement),
        read_statement(statement),
        answer,
    )
