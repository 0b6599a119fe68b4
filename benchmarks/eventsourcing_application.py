"""The orders of the benchmarks as aggregates of the Python library `eventsourcing`, on its SQLite module."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from ordertrail.v1.commands_pb2 import PlaceOrderRequest


class PlacedOrder(Aggregate):
    """An order whose first event has the content of our OrderPlaced and its record."""

    def __init__(self, customer_id: str, lines: list[dict[str, Any]], request_id: str) -> None:
        self.customer_id, self.lines, self.request_id = customer_id, lines, request_id


class OrderApplication(Application[UUID]):
    """Saves orders in one SQLite file; SQLite's own default is synchronous=FULL."""

    def __init__(self, path: Path) -> None:
        super().__init__({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})


def build_orders(command: PlaceOrderRequest, count: int) -> list[PlacedOrder]:
    """Return `count` new orders of a command, each with an event that is not saved yet."""
    lines = [
        {
            "product_id": line.product_id,
            "quantity": line.quantity,
            "unit_price": {
                "currency_code": line.unit_price.currency_code,
                "units": line.unit_price.units,
                "nanos": line.unit_price.nanos,
            },
        }
        for line in command.lines
    ]
    return [PlacedOrder(command.customer_id, lines, str(uuid4())) for _ in range(count)]
