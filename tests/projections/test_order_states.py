"""The engine keeps the states of orders in the files of projections that use them, and in no others."""

from pathlib import Path

from tests.log.memory import MemoryLog
from tests.projections.killed_engine import UNKNOWN, build_log_with_parked_orders
from tests.projections.log_builder import build_many_orders, create_log
from tests.projections.older_release import hide_events
from tests.projections.random_engine import ALL, project_all
from tests.projections.sample_projections import Ledger

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.projections.catalog import ORDERS

STATES = "ordertrail_orders"


async def test_only_projections_that_use_orders_hold_their_states(tmp_path: Path) -> None:
    rows = await project_all(MemoryLog(), tmp_path)
    assert {name for name in ALL if STATES in rows[name]} == {Ledger.name}


async def test_states_are_those_after_the_last_fact_that_was_applied(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(5))
    rows = await project_all(log, tmp_path, batch=4)
    states = {row[0]: Order.FromString(row[1]) for row in rows[Ledger.name][STATES]}  # type: ignore[arg-type]
    assert states == {row[0]: Order.FromString(row[6]) for row in rows[ORDERS]["orders"]}  # type: ignore[arg-type]
    assert {order.version for order in states.values()} == {3}


async def test_state_of_a_parked_order_is_that_before_its_waiting_facts(tmp_path: Path) -> None:
    log = await create_log(build_log_with_parked_orders())
    with hide_events(UNKNOWN):
        rows = await project_all(log, tmp_path, batch=3)
    states = [Order.FromString(row[1]) for row in rows[Ledger.name][STATES]]  # type: ignore[arg-type]
    assert [(order.order_id, order.version) for order in states] == [("order-1", 1), ("order-2", 1)]
