"""Every bound that the contract gives to a field is kept by the server, and the refusal names the field."""

import grpc
import pytest
from tests.e2e.bounds import Broken, each_broken
from tests.e2e.refusals import Refused, read_status, refusal
from tests.e2e.rpcs import RPCS, Rpc

from ordertrail.client import OrderTrail


def test_the_contract_has_the_bounds_that_are_tested_here() -> None:
    broken = {name: list(each_broken(rpc.request)) for name, rpc in RPCS.items()}
    assert len(broken) == 21
    assert [name for name, found in broken.items() if not found] == ["ListEventSchemas"]  # which takes nothing
    assert ("lines[0].unit_price.nanos", "lte") in {(each.field, each.rule) for each in broken["PlaceOrder"]}


@pytest.mark.parametrize("name", RPCS)
async def test_a_value_outside_a_bound_is_refused_and_its_field_is_named(orders: OrderTrail, name: str) -> None:
    rpc = RPCS[name]
    for broken in each_broken(rpc.request):
        refused = await refused_by(orders.channel, rpc, broken)
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT, broken[:2]
        assert refused.reason == "INVALID_REQUEST", broken[:2]
        assert within(broken.field) in refused.fields, broken[:2]


async def refused_by(channel: grpc.aio.Channel, rpc: Rpc, broken: Broken) -> Refused:
    """Return the refusal of the call or, where the fault is in one element of a batch, of that element."""
    raw = broken.message.SerializeToString()
    if not rpc.batched or "." not in broken.field:
        return await refusal(rpc.call(channel, raw))
    [answer] = await rpc.call(channel, raw)
    [result] = answer.results
    return read_status(result.status)


def within(field: str) -> str:
    """Return the path within an element of a batch; other paths as they are."""
    first, _, rest = field.partition(".")
    return rest if first in ("commands[0]", "documents[0]") else field
