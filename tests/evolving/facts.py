"""Print the log of a data directory as JSON, read by the release whose code this runs on.

python -m tests.evolving.facts DATA
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.e2e.truth import Fact, Truth, truth_of

from ordertrail_server.orders.chain import digest


def as_json(truth: Truth) -> dict[str, Any]:
    orders = {order_id: state.order for order_id, state in truth.orders.items() if state.order is not None}
    return {
        "facts": [_fact(fact) for fact in truth.facts],
        "orders": {order_id: order.SerializeToString().hex() for order_id, order in orders.items()},
        "parked": {order_id: state.parked for order_id, state in truth.orders.items() if state.parked},
    }


def _fact(fact: Fact) -> dict[str, Any]:
    event = fact.reading.event
    return {
        "offset": fact.offset,
        "order_id": event.order_id,
        "order_version": event.order_version,
        "request_id": event.cause.request_id,
        "digest": digest(fact.value).hex(),
        "written_version": fact.reading.written_version,
    }


if __name__ == "__main__":
    print(json.dumps(as_json(asyncio.run(truth_of(Path(sys.argv[1]))))))
