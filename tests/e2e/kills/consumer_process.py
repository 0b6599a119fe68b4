"""A consumer in a process of its own, which notes each effect in a file that several consumers share.

    python consumer_process.py ADDRESS SUBSCRIPTION FILE SEED

A line is appended at once, so the order of the lines is the order of the effects.
"""

import asyncio
import json
import os
import sys
from functools import partial
from random import Random
from typing import Any

from ordertrail.client import connect
from ordertrail.v1.subscription_service_pb2 import Delivery, DeliveryOutcome

REJECTED_SHARE = 0.05


class EffectFile:
    """Appends lines. An effect that this process has noted survives its death."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, kind: str, delivery: Delivery) -> None:
        event, hand_out = delivery.event, delivery.hand_out
        line: dict[str, Any] = {
            "kind": kind,
            "order": event.order_id,
            "version": event.order_version,
            "event": event.event_id,
            "delivery": hand_out.delivery_id,
            "hand_out": [hand_out.epoch, hand_out.attempt],
        }
        os.write(self._file, json.dumps(line).encode() + b"\n")


async def consume(address: str, subscription: str, effects: EffectFile, random: Random) -> None:
    def note_outcome(delivery: Delivery, answered: "asyncio.Future[DeliveryOutcome.ValueType]") -> None:
        if answered.result() == DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED:
            effects.note("confirmed", delivery)

    async with connect(address) as orders, orders.consume(subscription, max_events=20, patience=600) as consumer:
        async for delivery in consumer:
            effects.note("delivered", delivery)
            is_rejected = random.random() < REJECTED_SHARE
            answered = consumer.reject(delivery) if is_rejected else consumer.acknowledge(delivery)
            answered.add_done_callback(partial(note_outcome, delivery))


if __name__ == "__main__":
    address, subscription, path, seed = sys.argv[1:]
    asyncio.run(consume(address, subscription, EffectFile(path), Random(seed)))
