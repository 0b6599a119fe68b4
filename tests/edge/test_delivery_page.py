"""The bounds of a page of webhook deliveries, whose texts come from receivers."""

from ordertrail.v1.webhook_pb2 import WebhookAttempt, WebhookDelivery
from ordertrail_server.edge.webhook_service import fill_page
from ordertrail_server.history.pages import PAGE_BYTES

LONG = WebhookDelivery(attempts=[WebhookAttempt(response="x" * (PAGE_BYTES // 20)) for _ in range(10)])


def test_page_has_all_deliveries_that_fit() -> None:
    assert fill_page([]) == []
    assert len(fill_page([WebhookDelivery()] * 1_000)) == 1_000


def test_page_of_long_responses_is_cut_short() -> None:
    page = fill_page([LONG] * 3)
    assert len(page) == 1
    assert sum(delivery.ByteSize() for delivery in page) <= PAGE_BYTES


def test_page_has_one_delivery_at_least() -> None:
    assert len(fill_page([WebhookDelivery(attempts=[*LONG.attempts, *LONG.attempts, *LONG.attempts]), LONG])) == 1
