"""Two releases of the project on one log: this checkout is the old release, a changed copy of it the new one."""

import json
import os
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

import grpc
from tests.e2e.running_server import RunningServer
from tests.evolving.checkout import ROOT, Checkout
from tests.evolving.old_projector import OldProjector, old_projector

from ordertrail.client import OrderTrail
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.embedded.log import EmbeddedLog


class Fact(NamedTuple):
    """A fact of the log. `digest` is in hex; `written_version` is 0 if the reading release does not know the event."""

    offset: int
    order_id: str
    order_version: int
    request_id: str
    digest: str
    written_version: int


class Reading(NamedTuple):
    """A whole log as one release reads it. Every record is a fact or void."""

    facts: list[Fact]
    orders: dict[str, Order]
    parked: dict[str, str]


class Releases:
    """A server of each release at the same address, and the old release's projector, all on one log.

    Only this class knows which log it is.
    """

    def __init__(self, data: Path, new: Checkout) -> None:
        self._data, self._checkout = data, new
        self.old, self.new = RunningServer(data), new.server(data)

    def turn_to(self, server: RunningServer, *, kill: bool = False) -> None:
        """Stop or kill the running server, and serve with this release."""
        for running_server in (self.old, self.new):
            if running_server.running:
                server.address = running_server.address
                if kill:
                    running_server.kill()
                else:
                    assert running_server.stop() == 0
        server.start()

    def client(self) -> OrderTrail:
        """Return a client of the running server that retries nothing, so each answer is visible."""
        serving = self.old if self.old.running else self.new
        return OrderTrail(grpc.aio.insecure_channel(serving.address, options=[("grpc.enable_retries", 0)]))

    def close(self) -> None:
        """Stop all processes."""
        self.old.close()
        self.new.close()

    def old_projector(self) -> AbstractAsyncContextManager[OldProjector]:
        """Run the old release's projector on the log of the running server."""
        return old_projector(self._data)

    async def end(self) -> int:
        """Return the end of the log."""
        log = EmbeddedLog.follow(self._data)
        try:
            return await log.end(0)
        finally:
            await log.close()

    def read_by_new(self) -> Reading:
        """Return the whole log as the new release reads it, in a separate process."""
        path = os.pathsep.join([self._checkout.environment["PYTHONPATH"], str(ROOT)])
        output = self._checkout.runs("python", "-m", "tests.evolving.facts", str(self._data), PYTHONPATH=path)
        assert output.startswith("{"), output
        read = json.loads(output)
        orders = {order_id: Order.FromString(bytes.fromhex(order)) for order_id, order in read["orders"].items()}
        return Reading([Fact(**fact) for fact in read["facts"]], orders, read["parked"])


def assert_receipts_are_facts(receipts: Sequence[Receipt], reading: Reading) -> None:
    """Assert that each receipt matches a fact of the log."""
    facts = {(fact.order_id, fact.request_id): fact for fact in reading.facts}
    assert len(facts) == len(reading.facts), "a request led to two facts"
    for receipt in receipts:
        fact = facts[receipt.order_id, receipt.request_id]
        receipt_values = (receipt.position.offset, receipt.order_version, receipt.digest.hex())
        assert receipt_values == (fact.offset, fact.order_version, fact.digest)
