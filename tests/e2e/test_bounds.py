"""The server enforces every bound of the contract, and its refusal names the field."""

import grpc
import pytest
from tests.e2e.bounds import Violation, violating_messages
from tests.e2e.logs import Embedded, LogOfServer
from tests.e2e.refusals import Refused, catch_refusal, read_status
from tests.e2e.rpcs import RPCS, Rpc

from ordertrail.client import OrderTrail


@pytest.fixture(scope="module")
def log() -> LogOfServer:
    """The embedded log alone: what these tests check happens before a log is used, or after."""
    return Embedded()


def test_contract_has_the_tested_bounds() -> None:
    violations = {name: list(violating_messages(rpc.request)) for name, rpc in RPCS.items()}
    assert len(violations) == 49
    without_fields = ["ListEventSchemas", "ListProjections"]
    assert [name for name, messages in violations.items() if not messages] == without_fields
    assert ("lines[0].unit_price.nanos", "lte") in {
        (violation.field, violation.rule) for violation in violations["PlaceOrder"]
    }


@pytest.mark.parametrize("name", RPCS)
async def test_value_outside_its_bounds_is_refused_with_its_field(orders: OrderTrail, name: str) -> None:
    rpc = RPCS[name]
    for violation in violating_messages(rpc.request):
        refusal_of_call = await catch_violation_refusal(orders.channel, rpc, violation)
        assert refusal_of_call.code is grpc.StatusCode.INVALID_ARGUMENT, violation[:2]
        assert refusal_of_call.reason == "INVALID_REQUEST", violation[:2]
        assert within(violation.field) in refusal_of_call.fields, violation[:2]


async def catch_violation_refusal(channel: grpc.aio.Channel, rpc: Rpc, violation: Violation) -> Refused:
    """Return the refusal of the call or, if one element of a batch is invalid, of that element."""
    raw = violation.message.SerializeToString()
    if not rpc.batched or rpc.name == "Consume" or "." not in violation.field:
        return await catch_refusal(rpc.call(channel, raw))
    [answer] = await rpc.call(channel, raw)
    [result] = answer.results
    return read_status(result.status)


def within(field: str) -> str:
    """Return the path within an element of a batch. Other paths are returned unchanged."""
    element, _, path_in_element = field.partition(".")
    return path_in_element if element in ("commands[0]", "documents[0]") else field
