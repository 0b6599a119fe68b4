"""Prints the log of a data directory as JSON, as the imported release reads it.

python -m tests.evolving.facts DATA
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.e2e.reference_fold import Fact, ReferenceFold, fold_directory

from ordertrail_server.orders.chain import digest


def as_json(reference: ReferenceFold) -> dict[str, Any]:
    orders = {order_id: state.order for order_id, state in reference.orders.items() if state.order is not None}
    return {
        "facts": [_fact(fact) for fact in reference.facts],
        "orders": {order_id: order.SerializeToString().hex() for order_id, order in orders.items()},
        "parked": {order_id: state.parked for order_id, state in reference.orders.items() if state.parked},
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
    print(json.dumps(as_json(asyncio.run(fold_directory(Path(sys.argv[1]))))))
