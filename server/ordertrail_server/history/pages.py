"""Pages (AIP-158): page sizes, and page tokens that are valid for one log and one set of conditions."""

from hashlib import sha256

from google.protobuf.message import Message

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_PAGE_TOKEN_MISMATCH
from ordertrail.v1.order_history_service_pb2 import (
    ListOrderEventsRequest,
    ListOrdersRequest,
    ListProductTotalsRequest,
)
from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail.v1.projection_service_pb2 import ListParkedOrdersRequest
from ordertrail.v1.submitted_commands_pb2 import ListCommandsRequest
from ordertrail.v1.subscription_service_pb2 import (
    ListParkedDeliveriesRequest,
    ListSubscriptionsRequest,
    ListWebhookDeliveriesRequest,
)
from ordertrail_server.history.tokens import invalid_token, offsets_of
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.token import InvalidToken, PageKey, read_page_token, write_page_token
from ordertrail_server.orders.refusal import Refusal, Refused

ROWS, MAX_ROWS = 100, 1_000

PAGE_BYTES = 2 * 1024 * 1024
"""A page of rows larger than this is cut short, with a token: gRPC clients take 4 MiB by default."""

NOT_CONDITIONS = {"page_size", "page_token", "at_least_as_fresh"}
"""The fields of a request that may differ from page to page."""

PagedRequest = (
    ListOrdersRequest
    | ListOrderEventsRequest
    | ListParkedDeliveriesRequest
    | ListParkedOrdersRequest
    | ListProductTotalsRequest
    | ListSubscriptionsRequest
    | ListWebhookDeliveriesRequest
    | ListCommandsRequest
)


def page_size(request: PagedRequest) -> int:
    """Return how many rows a page holds at most."""
    return min(request.page_size or ROWS, MAX_ROWS)


def read_page_start(request: PagedRequest, lineage: Lineage) -> PageTokenContents | None:
    """Return the sort key after which the page begins, None for the first page. Raises Refused.

    A page token of a predecessor of the log is valid if the token in it says that its list is of the kept part.
    """
    if not request.page_token:
        return None
    try:
        start = read_page_token(request.page_token)
    except InvalidToken as error:
        raise invalid_token("page_token") from error
    if start.filter_digest == _filter_digest(request, lineage.identity):
        return start
    token = start.as_of_token or start.consistency_token
    is_older = any(start.filter_digest == _filter_digest(request, log.identity) for log in lineage.predecessors)
    if not is_older or not token:
        message = "page_token belongs to a request with other conditions, or to another log."
        raise Refused(Refusal(ERROR_REASON_PAGE_TOKEN_MISMATCH, message, where="page_token"))
    offsets_of(token, "page_token", lineage)
    return start


def next_page_token(request: PagedRequest, log_id: bytes, key: PageKey) -> str:
    """Return the token of the page after a row."""
    assert key.as_of_token or key.consistency_token, "a restored log could not tell whether it has the list"
    return write_page_token(_filter_digest(request, log_id), key)


def _filter_digest(request: PagedRequest, log_id: bytes) -> bytes:
    conditions: Message = type(request).FromString(request.SerializeToString())
    # This release ignores conditions that only a newer release knows, so they must not be part of its page tokens.
    conditions.DiscardUnknownFields()
    for name in NOT_CONDITIONS.intersection(conditions.DESCRIPTOR.fields_by_name):
        conditions.ClearField(name)
    kind = request.DESCRIPTOR.full_name.encode()
    return sha256(log_id + kind + conditions.SerializeToString(deterministic=True)).digest()[:16]
