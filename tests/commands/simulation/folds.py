"""All who fold a log agree: servers, a fold from the beginning, and folds resumed from snapshots."""

from random import Random

from tests.commands.simulation.connection import Connection
from tests.commands.simulation.reference import Past
from tests.commands.simulation.run import Run
from tests.commands.simulation.shape import Violation
from tests.commands.simulation.stores import Kept, NoSnapshot

from ordertrail_server.commands.fold import Fold


async def every_fold_agrees(run: Run, past: Past) -> None:
    """Raise Violation unless they all tell every order and receipt as the past does."""
    for server in run.servers:
        await server.writer.fold.catch_up()
        _agrees(f"server {server.number}", server.writer.fold, run, past)
        for order_id in run.callers.orders:  # a retry mends no broken chain, and harms no order
            await server.writer.fold.retry(order_id)
        _agrees(f"server {server.number} after retries", server.writer.fold, run, past)
    connection = run.servers[0].connection
    fresh = Fold(connection, 0, NoSnapshot())
    await fresh.catch_up()
    _agrees("a fold from the beginning", fresh, run, past)
    _agrees("a resumed fold", _resumed(connection, run), run, past)


def _resumed(connection: Connection, run: Run) -> Fold:
    store, random = Kept(), Random(run.shape.seed)
    current = Fold(connection, 0, store)
    for logged in run.log.records:
        if random.random() < 0.3:
            store.save(0, current.snapshot())
            current = Fold(connection, 0, store)
        current.take(logged)
    return current


def _agrees(who: str, fold: Fold, run: Run, past: Past) -> None:
    end = run.log.end()
    if fold.position != end:
        raise Violation(f"{who} stands at {fold.position}, the log ends at {end}")
    for order_id in run.callers.orders:
        known, facts = fold.aggregate(order_id), past.facts_before(order_id, end)
        told = (known.version, known.head, bool(known.parked), known.order)
        head = facts[-1].digest if facts else b""
        true = (len(facts), head, past.parked(order_id, end), past.state(order_id, end))
        if told != true:
            raise Violation(f"{who} tells {order_id} as {told}, true is {true}")
        for fact in facts:
            receipt = fold.receipt(order_id, fact.request_id)
            if receipt is None or (receipt.digest, receipt.offset) != (fact.digest, fact.offset):
                raise Violation(f"{who} has the receipt {receipt} for {fact}")
