"""Requests that name a thing of a customer, one for each field of the contract that can."""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from google.protobuf.descriptor import Descriptor
from tests.e2e.access.world import Target
from tests.e2e.rpcs import RPCS, VERBS, build_request

from ordertrail.v1.commands_pb2 import Command
from ordertrail_server.access.permission import VERBS as VERB_OF_MESSAGE

VALUES: Final = {
    "order_id": "order_id",
    "customer_id": "customer_id",
    "command_id": "command_id",
    "subscription": "subscription",
    "name": "subscription",
    "delivery_id": "delivery_id",
    "source_reference": "source_reference",
    "product_id": "product_id",
    "offset": "offset",
    "token": "token",
    "from_token": "token",
    "until_token": "token",
    "resume_token": "token",
    "at_least_as_fresh": "token",
}
"""{last name of a field: what it gets of the target}."""

OF_PARKED_ORDERS: Final = {"GetParkedOrder", "RetryParkedOrder"}
OF_WEBHOOKS: Final = {
    "RotateWebhookSecret",
    "RevokeWebhookSecret",
    "ListWebhookDeliveries",
    "RedeliverWebhookDelivery",
}
NAMES_OF_PROJECTIONS: Final = "ProjectionService"
SET_BY_THE_SERVER: Final = {"uid", "position_token", "stop_reason", "id", "last_error"}
_NUMBERS: Final = count(1)
BATCHES: Final = {"ExecuteCommands", "SubmitCommand"}


def naming_fields(rpc: str) -> list[str]:
    """Return the paths of the fields of an rpc's request that name an order, a customer, or a thing of theirs."""
    service = RPCS[rpc].method.containing_service.name
    return [
        path
        for path in _leaves(RPCS[rpc].method.input_type)
        if path.rpartition(".")[2] in VALUES and not (service == NAMES_OF_PROJECTIONS and path.endswith("name"))
    ]


def build_naming_request(rpc: str, path: str, target: Target, own: Target) -> Any:
    """Return a request whose field at the path names a thing of the target; all others are the caller's own."""
    request = _own_request(rpc, path, own)
    value: Any = getattr(target, VALUES[path.rpartition(".")[2]])
    if rpc in OF_PARKED_ORDERS:
        value = target.parked_order_id
    if rpc in OF_WEBHOOKS and path == "subscription":
        value = target.webhook
    *steps, name = path.split(".")
    message = request
    for step in steps:
        message = getattr(message, step)
        if not hasattr(message, "DESCRIPTOR"):  # a list
            message = message[0] if len(message) else message.add()
    if message.DESCRIPTOR.fields_by_name[name].is_repeated:
        getattr(message, name).append(value)
    else:
        setattr(message, name, value)
    return request


def _own_request(rpc: str, path: str, own: Target) -> Any:
    request = build_request(rpc, own.order_id)
    if rpc == "CreateSubscription":
        request.subscription.name = f"created-{next(_NUMBERS)}"
    if rpc == "ExplainEvent":
        request.partition = 0
    if rpc == "SubmitCommand":
        request.defer_decision = False
    if rpc in BATCHES:
        verb = path.split(".")[1]
        name = next(name for name in VERBS if VERB_OF_MESSAGE[RPCS[name].method.input_type.full_name] == verb)
        del request.commands[:]
        request.commands.append(Command(**{verb: _owned(build_request(name, own.order_id), own)}))
    return _owned(request, own)


def _owned(message: Any, own: Target) -> Any:
    fields = message.DESCRIPTOR.fields_by_name
    if "customer_id" in fields and message.customer_id:
        message.customer_id = own.customer_id
    if "subscription" in fields and isinstance(message.subscription, str):
        message.subscription = own.webhook if "Webhook" in message.DESCRIPTOR.name else own.subscription
    return message


def _leaves(message: Descriptor, prefix: str = "", depth: int = 0) -> Iterator[str]:
    for field in message.fields:
        if field.name in SET_BY_THE_SERVER:
            continue
        if field.message_type is None:
            yield f"{prefix}{field.name}"
        elif depth < 4 and field.message_type.full_name.startswith("ordertrail."):
            yield from _leaves(field.message_type, f"{prefix}{field.name}.", depth + 1)
