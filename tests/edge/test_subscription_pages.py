"""Page tokens of subscriptions, of their parked orders and of deliveries, across a restore."""

import pytest

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_LOST_TOKEN, ERROR_REASON_PAGE_TOKEN_MISMATCH
from ordertrail.v1.subscription_service_pb2 import (
    ListParkedDeliveriesRequest,
    ListSubscriptionsRequest,
    ListWebhookDeliveriesRequest,
)
from ordertrail_server.edge.subscription_pages import SubscriptionPages
from ordertrail_server.history.pages import PagedRequest
from ordertrail_server.log.lineage import Lineage, Predecessor
from ordertrail_server.orders.refusal import Refused

BEFORE, RESTORED = b"1" * 16, b"2" * 16
CUT = (5, 7)
LINEAGE = Lineage(RESTORED, 2, (Predecessor(BEFORE, CUT),))
KINDS = [ListSubscriptionsRequest, ListParkedDeliveriesRequest, ListWebhookDeliveriesRequest]


def next_page(request: PagedRequest, *ends: int) -> PagedRequest:
    """Return the request of the page after one that the log before the restore sent when it had these ends."""
    pages = SubscriptionPages(Lineage(BEFORE, 2), lambda: ends)
    return type(request)(page_token=pages.next_token(request, 3, "name"))


@pytest.mark.parametrize("kind", KINDS)
def test_page_token_of_the_kept_part_is_valid(kind: type[PagedRequest]) -> None:
    start = SubscriptionPages(LINEAGE, lambda: CUT).read_start(next_page(kind(), *CUT))
    assert start is not None
    assert (start.last_number, start.last_text) == (3, "name")


@pytest.mark.parametrize("ends", [(6, 7), (5, 8)])
@pytest.mark.parametrize("kind", KINDS)
def test_page_token_of_the_lost_part_is_refused(kind: type[PagedRequest], ends: tuple[int, int]) -> None:
    with pytest.raises(Refused) as error:
        SubscriptionPages(LINEAGE, lambda: (9, 9)).read_start(next_page(kind(), *ends))
    assert (error.value.refusal.reason, error.value.refusal.where) == (ERROR_REASON_LOST_TOKEN, "page_token")


@pytest.mark.parametrize("kind", KINDS)
def test_page_token_of_an_unrelated_log_is_refused(kind: type[PagedRequest]) -> None:
    with pytest.raises(Refused) as error:
        SubscriptionPages(Lineage(RESTORED, 2), lambda: CUT).read_start(next_page(kind(), *CUT))
    assert error.value.refusal.reason == ERROR_REASON_PAGE_TOKEN_MISMATCH
