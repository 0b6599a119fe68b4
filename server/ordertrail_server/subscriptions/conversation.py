"""The call of one consumer: its answers are read while responses are sent to it."""

from asyncio import create_task, wait
from collections.abc import AsyncGenerator, AsyncIterator

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INVALID_REQUEST
from ordertrail.v1.subscription_service_pb2 import ConsumeRequest
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.session import Session


async def converse(
    running: RunningSubscription, session: Session, first: ConsumeRequest, requests: AsyncIterator[ConsumeRequest]
) -> AsyncGenerator[bytes, None]:
    """Yield serialized ConsumeResponses until the requests end. The session is connected, and is disconnected then."""
    reader = create_task(_read_answers(running, session, first, requests))
    try:
        while (response := await session.next_response()) is not None:
            running.note_sent()
            yield response
    finally:
        running.disconnect(session)
        reader.cancel()
        await wait({reader})  # the requests can be closed only once nobody reads them


async def _read_answers(
    running: RunningSubscription, session: Session, first: ConsumeRequest, requests: AsyncIterator[ConsumeRequest]
) -> None:
    try:
        running.answer(session, first)
        async for request in requests:
            if request.subscription not in ("", running.definition.name):
                message = "subscription: a call serves one subscription; connect to another one in a call of its own."
                raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where="subscription"))
            if session in running.sessions:
                running.answer(session, request)
            await session.wait_for_room()
        running.disconnect(session, is_orderly=True)
    except Exception as error:  # the call ends with the typed status of any failure
        session.end(error)
