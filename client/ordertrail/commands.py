"""The requests of commands, and the options that all of them share.

A client's methods take these by keyword:

`request_id`        identifies the command, so that sending it again is a retry; a new UUID4 if not given (AIP-155)
`expected_version`  the version that the order must have; the server refuses the command if it differs (VersionMismatch)
`validate_only`     check the command and return the event that it would lead to, but record nothing (AIP-163)
"""

from typing import TypedDict, TypeVar
from uuid import uuid4

from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    Command,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)

__all__ = [
    "CommandOptions",
    "Request",
    "as_command",
    "ensure_request_id",
]

Request = (
    PlaceOrderRequest
    | AddOrderLineRequest
    | ChangeOrderLineQuantityRequest
    | RemoveOrderLineRequest
    | RescheduleDeliveryRequest
    | ConfirmOrderRequest
    | ShipOrderRequest
    | DeliverOrderRequest
    | CancelOrderRequest
    | ReturnOrderRequest
)

R = TypeVar("R", bound=Request)

_VERBS = {type(getattr(Command(), verb.name)): verb.name for verb in Command.DESCRIPTOR.oneofs_by_name["verb"].fields}


class CommandOptions(TypedDict, total=False):
    """The options that every command takes; the module explains each."""

    request_id: str
    expected_version: int | None
    validate_only: bool


def as_command(request: Request | Command) -> Command:
    """Return the request as a command of a batch, with a request id. Raises TypeError if it is not a command."""
    if isinstance(request, Command):
        verb_name = request.WhichOneof("verb")
        if verb_name:
            ensure_request_id(getattr(request, verb_name))
        return request
    verb = _VERBS.get(type(request))
    if verb is None:
        raise TypeError(f"{type(request).__name__} is not a command.")
    return Command(**{verb: ensure_request_id(request)})  # type: ignore[arg-type]  # the verb names its own field


def ensure_request_id(request: R) -> R:
    """Give the request a request id if it has none, and return it. Sending it again is then a retry."""
    if not request.request_id:
        request.request_id = str(uuid4())
    return request
