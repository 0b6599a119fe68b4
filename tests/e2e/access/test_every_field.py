"""Every rpc, with every field that can name an order, a customer or a thing of theirs, for every kind of caller.

What a caller may not see does not exist for it: a request that names it gets the same answer as one that names nothing.
"""

import grpc
import pytest
from tests.e2e.access.answers import describe_answer, neutralize
from tests.e2e.access.callers import CLAIMS
from tests.e2e.access.requests import build_naming_request, naming_fields
from tests.e2e.access.world import Target
from tests.e2e.rpcs import RPCS

from ordertrail_server.access.permission import READ
from ordertrail_server.access.rpc_rules import RULES

CASES = [(rpc, path) for rpc in RPCS for path in naming_fields(rpc)]
ALL_CUSTOMERS = {name.partition("/")[2] for name, rule in RULES.items() if rule.needs_all_customers}
READS = {name.partition("/")[2] for name, rule in RULES.items() if rule.permission == READ}
MISSING = Target(
    customer_id="initrode",
    order_id="initrode-order",
    parked_order_id="initrode-parked",
    command_id="00000000-0000-8000-8000-000000000000",
    subscription="initrode-mails",
    webhook="initrode-hook",
    delivery_id="initrode-delivery",
    source_reference="initrode-reference",
    product_id="initrode-goods",
    offset=1_000_000,
    token="",
)
CALLERS = ["acme clerk", "acme region"]


SHOWN = {"order_id", "command_id", "subscription", "name", "offset", "source_reference"}
"""Names of fields whose thing changes the answer if it exists, in every rpc. DeleteSubscription comes last."""

TAKEN = {"PlaceOrder.order_id", "CreateSubscription.subscription.name"}
"""Ids of orders and names of subscriptions are global, so a new one tells that it is taken, and nothing else."""


HIDDEN = [
    (rpc, path) for rpc, path in CASES if f"{rpc}.{path}" not in TAKEN and not path.endswith("place_order.order_id")
]
ONLY_IN_A_SUBSCRIPTION = {"filter.order_id", "Deliveries.order_id", "Delivery.order_id"}
VISIBLE = [
    (rpc, path)
    for rpc, path in HIDDEN
    if rpc not in ALL_CUSTOMERS | {"DeleteSubscription"}
    and path.rpartition(".")[2] in SHOWN
    and not f"{rpc}.{path}".endswith(tuple(ONLY_IN_A_SUBSCRIPTION))
]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("rpc", "path"), HIDDEN)
async def test_thing_of_another_customer_does_not_exist(
    channel: grpc.aio.Channel, targets: dict[str, Target], caller: str, rpc: str, path: str
) -> None:
    own, hidden = targets["acme"], targets["globex"]
    missing = MISSING._replace(token=own.token)
    texts = [
        neutralize(await describe_answer(channel, rpc, build_naming_request(rpc, path, target, own), caller), target)
        for target in (hidden, missing)
    ]
    assert texts[0] == texts[1]
    assert "globex" not in texts[0]


@pytest.mark.parametrize(("rpc", "path"), [*VISIBLE, ("DeleteSubscription", "name")])
async def test_thing_of_the_own_customer_exists(
    channel: grpc.aio.Channel, targets: dict[str, Target], rpc: str, path: str
) -> None:
    own = targets["acme"]
    texts = [
        neutralize(
            await describe_answer(channel, rpc, build_naming_request(rpc, path, target, own), "acme clerk"), target
        )
        for target in (own, MISSING)
    ]
    assert texts[0] != texts[1]


@pytest.mark.parametrize(("rpc", "path"), CASES)
async def test_call_without_permission_is_denied_whatever_it_names(
    channel: grpc.aio.Channel, targets: dict[str, Target], rpc: str, path: str
) -> None:
    own = targets["acme"]
    for target in (own, targets["globex"], MISSING._replace(token=own.token)):
        request = build_naming_request(rpc, path, target, own)
        assert "PERMISSION_DENIED" in await describe_answer(channel, rpc, request, "stranger")
        assert "UNAUTHENTICATED" in await describe_answer(channel, rpc, request, "")
        if rpc not in READS or rpc in ALL_CUSTOMERS:
            assert "PERMISSION_DENIED" in await describe_answer(channel, rpc, request, "acme reader")


def test_every_rpc_has_a_rule() -> None:
    assert {f"{rpc.method.containing_service.full_name}/{name}" for name, rpc in RPCS.items()} <= RULES.keys()
    assert len(CLAIMS) == 6
