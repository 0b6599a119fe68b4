"""Checks that all folds of a log agree: those of the servers, one from offset 0, and one resumed from snapshots."""

from random import Random

from tests.commands.simulation.connection import Connection
from tests.commands.simulation.reference_fold import ReferenceFold
from tests.commands.simulation.run import Run
from tests.commands.simulation.scenario import Violation
from tests.commands.simulation.snapshot_store import MemoryStore, NoSnapshot

from ordertrail_server.commands.fold import Fold


async def check_folds(run: Run, reference: ReferenceFold) -> None:
    """Raise Violation unless every fold has the orders and receipts of the reference fold."""
    for server in run.servers:
        await server.writer.fold.catch_up()
        _check_fold(f"server {server.number}", server.writer.fold, run, reference)
        for order_id in run.requests.orders:  # a retry cannot repair a broken chain, and changes no other order
            await server.writer.fold.retry(order_id)
        _check_fold(f"server {server.number} after retries", server.writer.fold, run, reference)
    connection = run.servers[0].connection
    fresh = Fold(connection, 0, NoSnapshot())
    await fresh.catch_up()
    _check_fold("a fold from the beginning", fresh, run, reference)
    _check_fold("a resumed fold", _resume_often(connection, run), run, reference)


def _resume_often(connection: Connection, run: Run) -> Fold:
    store, random = MemoryStore(), Random(run.scenario.seed)
    current = Fold(connection, 0, store)
    for logged in run.log.records:
        if random.random() < 0.3:
            store.save(0, current.snapshot())
            current = Fold(connection, 0, store)
        current.take(logged)
    return current


def _check_fold(name: str, fold: Fold, run: Run, reference: ReferenceFold) -> None:
    end = run.log.end()
    if fold.position != end:
        raise Violation(f"{name} is at offset {fold.position}, but the log ends at {end}")
    for order_id in run.requests.orders:
        aggregate, facts = fold.aggregate(order_id), reference.facts_before(order_id, end)
        actual = (aggregate.version, aggregate.head, bool(aggregate.parked), aggregate.order)
        head = facts[-1].digest if facts else b""
        expected = (len(facts), head, reference.is_parked(order_id, end), reference.state(order_id, end))
        if actual != expected:
            raise Violation(f"{name} has {order_id} as {actual}, expected {expected}")
        for fact in facts:
            receipt = fold.receipt(order_id, fact.request_id)
            if receipt is None or (receipt.digest, receipt.offset) != (fact.digest, fact.offset):
                raise Violation(f"{name} has the receipt {receipt} for {fact}")
