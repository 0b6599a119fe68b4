"""Checks that all folds of a log agree: those of the servers, one from offset 0, and one beside a projector."""

from random import Random

from tests.commands.simulation.connection import Connection
from tests.commands.simulation.order_stores import MemoryStore, NothingProjected
from tests.commands.simulation.projector import Projector, RacingStore
from tests.commands.simulation.reference_fold import ReferenceFold
from tests.commands.simulation.run import Run
from tests.commands.simulation.scenario import require

from ordertrail_server.commands.fold import Fold, ProjectionBehind


async def check_folds(run: Run, reference: ReferenceFold) -> None:
    """Raise Violation unless every fold has the orders and receipts of the reference fold."""
    for server in run.servers:
        try:
            await server.writer.fold.catch_up()
        except ProjectionBehind:
            server.project_all()
            await server.writer.fold.catch_up()
        _check_fold(f"server {server.number}", server.writer.fold, run, reference)
        server.project_all()
        _check_fold(f"server {server.number} after everything is projected", server.writer.fold, run, reference)
        is_projected = server.store.position() == run.log.end()
        size = server.writer.fold._tail.size
        require(not is_projected or size == 0, f"server {server.number} keeps {size} bytes that are projected")
    connection = run.servers[0].connection
    fresh = Fold(connection, 0, NothingProjected())
    await fresh.catch_up()
    _check_fold("a fold from the beginning", fresh, run, reference)
    _check_fold("a fold beside a projector", _fold_beside_projector(connection, run), run, reference)


def _fold_beside_projector(connection: Connection, run: Run) -> Fold:
    """Fold the log record by record; the projector commits and reports, and the fold restarts, at random moments."""
    store, random = MemoryStore(), Random(run.scenario.seed)
    projector = Projector(run.log, store, random)
    fold = Fold(connection, 0, RacingStore(store, projector, random))
    while fold.position < run.log.end():
        fold.take(run.log.records[fold.position])
        if random.random() < 0.2 and (position := projector.take_report()) is not None:
            fold.note_projected(position)
        if random.random() < 0.1:
            fold = Fold(connection, 0, RacingStore(store, projector, random))
    return fold


def _check_fold(name: str, fold: Fold, run: Run, reference: ReferenceFold) -> None:
    end = run.log.end()
    require(fold.position == end, f"{name} is at offset {fold.position}, but the log ends at {end}")
    for order_id in run.requests.orders:
        _check_order(name, fold, order_id, reference, end)


def _check_order(name: str, fold: Fold, order_id: str, reference: ReferenceFold, end: int) -> None:
    aggregate, links = fold.aggregate(order_id), reference.links_before(order_id, end)
    actual = (aggregate.version, aggregate.head, bool(aggregate.parked), aggregate.order)
    version, head = links[-1][1:3] if links else (0, b"")
    expected = (version, head, reference.is_parked(order_id, end), reference.state(order_id, end))
    require(actual == expected, f"{name} has {order_id} as {actual}, expected {expected}")
    firsts = {link.request_id: link for link in reversed(links)}
    for link in firsts.values():
        receipt = fold.receipt(order_id, link.request_id)
        is_same = receipt is not None and receipt[:2] + receipt[4:] == (*link[1:3], link.offset, None, link.is_refusal)
        require(is_same, f"{name} has the receipt {receipt} for {link}")
