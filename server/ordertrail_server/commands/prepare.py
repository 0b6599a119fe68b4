"""Turns a request into an attempt: fills in missing ids and computes the digest of the command."""

import re
from asyncio import Future
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail_server.access.meter import Meter
from ordertrail_server.access.permission import IMPORT
from ordertrail_server.access.rights import Rights, refuse_customer
from ordertrail_server.access.scope import NOTHING
from ordertrail_server.commands.attempt import Answer, Attempt

_UUID7 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Caller(NamedTuple):
    """Who calls, with its rights, for whom it acts in its own words, and the W3C trace context of the call.

    `meter` counts its commands; None if they are not limited.
    """

    rights: Rights
    actor: str = ""
    on_behalf_of: str = ""
    traceparent: str = ""
    meter: Meter | None = None


def prepare(request: Any, answer: "Future[Answer]", caller: Caller, new_id: Callable[[], str]) -> Attempt:
    """Return the attempt of a validated request. Raises Refused if the caller may not run it.

    It consumes the request: it clears the fields that do not belong to the command, so that a retry has the same digest
    with any expected version. The digest covers fields that this release does not know, so that a retry has the same
    digest on another release. Then it drops them.
    """
    if caller.meter is not None:
        caller.meter.take_command()
    scope = caller.rights.scope_of_verb(request)
    if isinstance(request, PlaceOrderRequest):
        refuse_customer(scope, request.customer_id)
    request_id, expected_version, validate_only = _take_conditions(request)
    # No command has a map, so its bytes always have one order.
    digest = _digest(request.DESCRIPTOR.full_name, request.SerializeToString())
    # A later release would trust every field of a fact, so fields that this release cannot check must not be in it.
    request.DiscardUnknownFields()
    final_id = request_id or new_id()
    order_id = request.order_id
    if not order_id and isinstance(request, PlaceOrderRequest):
        order_id = derive_id(request.customer_id, final_id)
    return Attempt(
        order_id,
        final_id,
        request,
        digest,
        answer,
        scope,
        expected_version,
        validate_only,
        caller.actor,
        caller.on_behalf_of,
        caller.traceparent,
        is_new_order=not request_id and not request.order_id,
    )


def _take_conditions(request: Any) -> tuple[str, int | None, bool]:
    """Remove and return request id, expected version and validate_only."""
    request_id, expected_version, validate_only = request.request_id, None, request.validate_only
    if request_id:
        request.request_id = ""
    if request.HasField("expected_version"):
        expected_version = request.expected_version
        request.ClearField("expected_version")
    if validate_only:
        request.validate_only = False
    return request_id, expected_version, validate_only


def prepare_import(
    order_id: str,
    request_id: str,
    caller: Caller,
    origin: str,
    chunk: bytes,
    placed: OrderPlaced,
    answer: "Future[Answer]",
) -> Attempt:
    """Return the attempt to import a statement: `chunk` is its stored form, `placed` the public event of it.

    Raises Refused if the caller may not import orders of this customer.
    """
    if caller.meter is not None:
        caller.meter.take_command()
    scope = caller.rights.scopes.get(IMPORT, NOTHING)
    refuse_customer(scope, placed.customer_id)
    return Attempt(
        order_id,
        request_id,
        placed,
        _digest("import", chunk),
        answer,
        scope,
        actor=caller.actor,
        on_behalf_of=caller.on_behalf_of,
        traceparent=caller.traceparent,
        origin=origin,
        chunk=chunk,
    )


def _digest(kind: str, body: bytes) -> bytes:
    return sha256(_digest_prefix(kind) + body).digest()[:16]


@cache
def _digest_prefix(kind: str) -> bytes:
    return kind.encode() + b"\0"


def derive_id(scope: str, request_id: str) -> str:
    """Return the order id for a request without one, or the id of a submitted command: the same for every retry.

    It is a UUIDv8 of the SHA-256 of both arguments. If the request id is a UUIDv7, the id begins with the same time, so
    that new ids are adjacent in every index.
    """
    digest = sha256(f"{len(scope)}:{scope}{request_id}".encode()).hexdigest()
    head = request_id[:13] if _UUID7.fullmatch(request_id) else f"{digest[:8]}-{digest[8:12]}"
    return f"{head}-8{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
