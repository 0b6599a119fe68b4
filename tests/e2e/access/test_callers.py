"""What a caller needs to be admitted, and what its facts say about it."""

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from tests.access.identity.issuer import shared_key
from tests.e2e.access.callers import Metadata, metadata_of
from tests.e2e.refusals import Refused, catch_refusal
from tests.e2e.rpcs import RPCS, build_request

from ordertrail.v1.history_event_pb2 import HistoryEvent

pytestmark = pytest.mark.usefixtures("targets")


async def place(
    channel: grpc.aio.Channel, order_id: str, metadata: Metadata, customer_id: str = "acme"
) -> HistoryEvent:
    request = build_request("PlaceOrder", order_id)
    request.customer_id = customer_id
    method = RPCS["PlaceOrder"]
    call = channel.unary_unary(method.path, None, method.parse)
    response = await call(request.SerializeToString(), metadata=metadata, timeout=20)
    event: HistoryEvent = response.receipt.event
    return event


async def refuse(channel: grpc.aio.Channel, metadata: Metadata) -> Refused:
    return await catch_refusal(place(channel, "refused", metadata))


async def test_actor_of_a_fact_is_the_verified_identity(channel: grpc.aio.Channel) -> None:
    assert (await place(channel, "identified", metadata_of("acme clerk"))).actor == "acme clerk"
    named = (*metadata_of("acme clerk"), ("ordertrail-actor", "acme clerk"))
    assert (await place(channel, "named", named)).actor == "acme clerk"


async def test_only_who_may_act_for_others_can_name_another_actor_and_both_are_recorded(
    channel: grpc.aio.Channel,
) -> None:
    other_name = ("ordertrail-actor", "Zoe")
    assert (await refuse(channel, (*metadata_of("acme clerk"), other_name))).reason == "PERMISSION_DENIED"
    event = await place(channel, "on behalf", (*metadata_of("auditor"), other_name))
    assert (event.actor, event.on_behalf_of) == ("auditor", "Zoe")


async def test_order_id_of_another_customer_is_taken_and_tells_nothing_else(channel: grpc.aio.Channel) -> None:
    own = await catch_refusal(place(channel, "acme-order", metadata_of("acme clerk")))
    hidden = await catch_refusal(place(channel, "globex-order", metadata_of("acme clerk")))
    assert (hidden.reason, hidden.message) == ("ORDER_EXISTS", own.message)
    assert hidden.metadata == own.metadata


async def test_order_of_another_customer_cannot_be_placed(channel: grpc.aio.Channel) -> None:
    refusal = await catch_refusal(place(channel, "foreign", metadata_of("acme clerk"), "globex"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "authorization",
    ["Bearer x", "Basic eDp5", "Bearer ", shared_key("ES256").bearer(exp=1), shared_key("ES256").bearer(aud="others")],
    ids=["no token", "another scheme", "empty", "expired", "another audience"],
)
async def test_bad_credentials_are_refused_even_where_none_are_needed(
    channel: grpc.aio.Channel, authorization: str
) -> None:
    health = HealthStub(channel)
    assert (await health.Check(HealthCheckRequest())).status
    metadata = (("authorization", authorization),)
    refusal = await catch_refusal(health.Check(HealthCheckRequest(), metadata=metadata))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert authorization.removeprefix("Bearer ")[:20] not in refusal.message or len(authorization) < 12


async def test_call_without_identity_is_told_to_send_one(channel: grpc.aio.Channel) -> None:
    refusal = await refuse(channel, ())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert "authorization: Bearer" in refusal.message
