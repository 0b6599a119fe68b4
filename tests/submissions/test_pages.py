"""Lists of submitted commands come in pages, which visit a bounded number of rows."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.commands.sample_requests import build_change_quantity, build_confirm_order, build_place_order
from tests.log.memory import MemoryLog
from tests.submissions.running_store import NOW, SECOND, Server, id_of, run_server
from tests.submissions.viewer import VIEWER

from ordertrail_server.submissions import command_finder
from ordertrail_server.submissions.command_index import State

ALL = sorted(State)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with run_server(MemoryLog(partitions=3), tmp_path) as server:
        yield server


async def list_ids(server: Server, order_id: str = "", states: list[State] = ALL, size: int = 2) -> list[str]:
    """Return the ids of all pages."""
    ids: list[str] = []
    after: int | None = -1
    while after is not None:
        page, after = await server.finder.page(VIEWER, order_id, states, None, after, size)
        assert len(page) <= size
        ids += [command.command.command_id for command in page]
    return ids


async def submit_orders(server: Server, count: int) -> dict[str, list[str]]:
    """Place some orders and confirm each of them twice. Return the ids of their commands."""
    return {
        order: [
            decided_command.command.command_id
            for decided_command in await server.decide(
                build_place_order(f"place-{order}", order),
                build_confirm_order(f"first-{order}", order),
                build_confirm_order(f"second-{order}", order),
            )
        ]
        for order in (f"order-{number}" for number in range(count))
    }


async def test_pages_hold_every_command_once(server: Server) -> None:
    submitted = await submit_orders(server, 5)
    listed = await list_ids(server)
    assert sorted(listed) == sorted(command_id for ids in submitted.values() for command_id in ids)


@pytest.mark.parametrize("states", [ALL, ALL[::-1]])
async def test_command_whose_state_changes_meanwhile_is_listed_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, states: list[State]
) -> None:
    submitted = (await submit_orders(server, 1))["order-0"]
    await server.store.flush()
    index = server.store.index
    positions, fetch_all = index.page("order-0", ALL, -1, 10), index._reader.fetch_all
    index.note_decided((position, State.OPEN) for position in positions)

    def change_after(*arguments: Any) -> list[Any]:
        rows = fetch_all(*arguments)
        index.note_decided((position, State.ACCEPTED) for position in positions)
        return rows

    monkeypatch.setattr(index._reader, "fetch_all", change_after)
    assert index.page("", states, -1, 10) == sorted(positions)
    assert len(positions) == len(submitted)


async def test_commands_of_an_order_are_listed_in_the_order_of_their_submission(server: Server) -> None:
    submitted = await submit_orders(server, 2)
    assert await list_ids(server, "order-1") == submitted["order-1"]
    assert await list_ids(server, "order-9") == []


@pytest.mark.parametrize(("state", "places"), [(State.ACCEPTED, [0, 1]), (State.REFUSED, [2]), (State.OPEN, [])])
async def test_states_filter_the_commands_of_an_order(server: Server, state: State, places: list[int]) -> None:
    submitted = (await submit_orders(server, 1))["order-0"]
    assert await list_ids(server, "order-0", [state]) == [submitted[place] for place in places]


async def test_waiting_commands_of_all_orders_can_be_listed(server: Server) -> None:
    await submit_orders(server, 2)
    [delayed] = await server.submit(build_change_quantity("change", 7, "order-1"), not_before=NOW + SECOND)
    assert await list_ids(server, states=[State.OPEN]) == [id_of(delayed)]


async def test_page_that_visits_its_limit_without_a_match_has_a_successor(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = await submit_orders(server, 3)
    monkeypatch.setattr(command_finder, "MANY", 2)
    assert await list_ids(server, "order-2", [State.REFUSED]) == submitted["order-2"][2:]
    page, after = await server.finder.page(VIEWER, "order-2", [State.REFUSED], None, -1, 2)
    assert page == []
    assert after is not None
