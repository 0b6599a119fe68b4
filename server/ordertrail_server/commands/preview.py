"""Finds out whether a command would be refused now, without executing it."""

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.batch_plan import decide_on
from ordertrail_server.commands.command_refusal import is_in_scope, refuse_hidden, request_id_reused
from ordertrail_server.commands.fold import Fold
from ordertrail_server.orders.aggregate import NO_ORDER
from ordertrail_server.orders.refusal import Refusal


def find_refusal(fold: Fold, attempt: Attempt) -> Refusal | None:
    """Return why a command would be refused on its order as folded now.

    None if it would be accepted, was decided before, or if its order is parked, which may be over when it is decided.
    Raises StoreUnavailable.
    """
    before = NO_ORDER if attempt.is_new_order else fold.aggregate(attempt.order_id)
    hidden = refuse_hidden(attempt, before)
    if hidden is not None:
        return hidden
    has_receipts = before is not NO_ORDER and is_in_scope(attempt.scope, before)
    link = fold.receipt(attempt.order_id, attempt.request_id) if has_receipts else None
    if link is not None:
        is_same = link.command_digest == attempt.digest
        return None if is_same else request_id_reused(attempt.order_id, attempt.request_id)
    outcome = None if before.parked else decide_on(before, attempt)
    return outcome if isinstance(outcome, Refusal) else None
