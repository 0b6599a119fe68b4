"""Several servers decide the commands of one log: each command gets one outcome, which all servers show."""

from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest
from tests.commands.running_handler import handle
from tests.commands.running_writer import require_accepted
from tests.commands.sample_requests import build_change_quantity, build_confirm_order, build_place_order
from tests.log.memory import MemoryLog
from tests.submissions.running_store import Server, id_of, run_server

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.submissions.command_index import State

ORDERS = 6


async def start_servers(stack: AsyncExitStack, log: MemoryLog, directory: Path, grace_s: float) -> list[Server]:
    servers = (run_server(log, directory / name, grace_s=grace_s) for name in ("first", "second"))
    return [await stack.enter_async_context(server) for server in servers]


async def submit_everywhere(servers: list[Server], random: Random) -> list[str]:
    """Submit the same and different commands to all servers; return the ids of the commands."""
    ids: list[str] = []
    for number in range(ORDERS):
        order = f"order-{number}"
        requests = [
            build_place_order(f"place-{order}", order),
            *(build_change_quantity(f"{order}-{change}", random.randrange(2, 4), order) for change in range(4)),
            build_confirm_order(f"confirm-{order}", order),
            build_change_quantity(f"late-{order}", 9, order),
        ]
        for server in servers if random.random() < 0.5 else [random.choice(servers)]:
            ids += map(id_of, await server.submit(*requests, defer_decision=True))
    return list(dict.fromkeys(ids))


@pytest.mark.parametrize("grace_s", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
async def test_every_command_has_one_outcome_on_all_servers(tmp_path: Path, grace_s: float, seed: int) -> None:
    log = MemoryLog(atomic=False)
    async with AsyncExitStack() as stack:
        servers = await start_servers(stack, log, tmp_path, grace_s)
        ids = await submit_everywhere(servers, Random(seed))
        commands_by_server = [[await server.wait_decided(command_id) for command_id in ids] for server in servers]
    outcomes = [[(command.state, command.link) for command in commands] for commands in commands_by_server]
    assert outcomes[0] == outcomes[1]
    assert {state for state, _ in outcomes[0]} == {State.ACCEPTED, State.REFUSED}


async def test_commands_of_an_order_keep_their_order_whichever_server_decides(tmp_path: Path) -> None:
    log = MemoryLog(atomic=False)
    async with AsyncExitStack() as stack:
        servers = await start_servers(stack, log, tmp_path, 0.0)
        await servers[0].decide(build_place_order())
        changes = [f"change-{number}" for number in range(10)]
        for number, change in enumerate(changes):
            await servers[number % 2].submit(build_change_quantity(change, number + 2), defer_decision=True)
        await servers[0].decide(build_change_quantity("last", 99), defer_decision=True)
    links: list[str] = []
    newest = b""
    for logged in log.records[0]:
        record = Record.FromString(logged.value)
        if record.previous == newest and record.order_id:
            links.append(record.cause.request_id)
            newest = logged.digest
    assert links == ["place", *changes, "last"]


async def test_unary_call_and_submission_race_for_one_outcome(tmp_path: Path) -> None:
    log = MemoryLog(atomic=False)
    async with AsyncExitStack() as stack:
        servers = await start_servers(stack, log, tmp_path, 0.0)
        await servers[0].decide(build_place_order())
        for number in range(10):
            request = build_change_quantity(f"change-{number}", number + 2)
            [submitted] = await servers[0].submit(request, defer_decision=True)
            [answer] = await handle(servers[1].handler, [request])
            command = await servers[0].wait_decided(id_of(submitted))
            assert command.link is not None
            assert command.link.digest == require_accepted(answer).fact.digest
