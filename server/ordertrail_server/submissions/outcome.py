"""The outcome of a submitted command: a link in the chain of its order."""

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.facts.link import Link
from ordertrail_server.schema.submitted_command import SubmittedCommand


def private_request_id(command: SubmittedCommand) -> str:
    """Return the request id of a refusal on an order that its sender may not see; empty if it may see all orders.

    The order's customer may use the command's own request id, so the refusal must not take it.
    """
    return "" if command.scope.is_unbounded else command.command_id


def is_repeated(link: Link, command: SubmittedCommand, attempt: Attempt) -> bool:
    """Return whether an attempt at a command has found the command's outcome in the log, instead of recording it."""
    return link.digest != attempt.appended_digest and link.command_digest == command.digest


def find_outcome(handler: CommandHandler, command: SubmittedCommand) -> Link | None:
    """Return the link that a command led to, or of another command with its request id. Raises StoreUnavailable."""
    order_id, private = command.order_id, private_request_id(command)
    if not private:
        return handler.receipt(order_id, command.request_id)
    refusal = handler.receipt(order_id, private)
    if refusal is not None:
        return refusal
    customer_id = handler.customer_of(order_id)
    is_visible = customer_id is not None and command.scope.includes(customer_id)
    return handler.receipt(order_id, command.request_id) if is_visible else None
