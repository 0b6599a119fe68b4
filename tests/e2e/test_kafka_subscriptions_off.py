"""A server on a topic refuses calls about subscriptions, and says what to use instead."""

import grpc
import pytest
from tests.e2e.refusals import catch_refusal

from ordertrail.v1.subscription_service_pb2 import ConsumeRequest, ListSubscriptionsRequest
from ordertrail.v1.subscription_service_pb2_grpc import SubscriptionServiceStub

pytestmark = pytest.mark.parametrize("log", ["kafka"], indirect=True, scope="module")


async def test_single_calls_and_consumers_are_refused(channel: grpc.aio.Channel) -> None:
    service = SubscriptionServiceStub(channel)
    for call in (
        service.ListSubscriptions(ListSubscriptionsRequest()),
        service.Consume(iter([ConsumeRequest()])).read(),
    ):
        refusal = await catch_refusal(call)
        assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "SUBSCRIPTIONS_OFF")
