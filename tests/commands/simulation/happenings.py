"""What may happen in a run, and how often."""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable

from tests.commands.simulation.callers import Call
from tests.commands.simulation.run import Run
from tests.commands.simulation.server import Server
from tests.commands.simulation.strangers import strange_entry

from ordertrail_server.commands.prepare import Caller, prepare
from ordertrail_server.orders.refusal import Refused


async def play(run: Run) -> None:
    """Let one thing after another happen; then let everything come to rest."""
    happenings = dict(HAPPENINGS)
    if not run.shape.strangers:
        del happenings[_a_stranger_writes]
    for _ in range(run.shape.steps):
        [happening] = run.random.choices(list(happenings), list(happenings.values()))
        await happening(run)
        await run.let_run()
    await run.drain()


async def _a_call_is_made(run: Run) -> None:
    make_call(run, run.random.choice(run.servers))


def make_call(run: Run, server: Server) -> None:
    """Have a caller send its next command to a server."""
    request = run.callers.next_request()
    asked = type(request)()
    asked.CopyFrom(request)
    answer = get_running_loop().create_future()
    attempt = prepare(request, answer, Caller(f"call-{len(run.calls)}"), run.world.new_id)
    attempt.batched = len(run.calls) % 3 == 0
    if asked.order_id or asked.request_id:
        run.callers.learn(attempt.order_id)
    run.calls.append(Call(len(run.calls), server.number, asked, attempt, run.log.end()))
    try:
        server.writer.queue.submit(attempt)
    except Refused as refused:
        answer.set_result(refused.refusal)


async def _the_log_goes_on(run: Run) -> None:
    pending = [(server, call) for server in run.servers if not server.frozen for call in server.connection.open_calls]
    if pending:
        server, call = run.random.choice(pending)
        server.connection.go_on(call, faults=True)


async def _a_late_record_lands(run: Run) -> None:
    if run.log.late:
        run.log.land_late()


async def _a_caller_goes(run: Run) -> None:
    waiting = [call for call in run.calls if call.waits]
    if waiting:
        run.random.choice(waiting).give_up()


async def _a_server_crashes(run: Run) -> None:
    server = run.random.choice(run.servers)
    for call in run.calls:
        if call.waits and call.server == server.number:
            call.give_up()
    await server.crash()


async def _a_server_freezes_or_thaws(run: Run) -> None:
    server = run.random.choice(run.servers)
    server.frozen = not server.frozen


async def _a_clock_goes_wrong(run: Run) -> None:
    run.random.choice(run.servers).set_clock()


async def _time_passes(run: Run) -> None:
    run.world.elapsed += run.random.choice([0.001, 0.04, 1.0, 12.0])


async def _a_snapshot_is_begun(run: Run) -> None:
    run.random.choice(run.servers).save(at_once=run.random.random() < 0.8)


async def _a_stranger_writes(run: Run) -> None:
    run.strange.add(run.log.land(strange_entry(run.random, run.log.records)))


HAPPENINGS: dict[Callable[[Run], Awaitable[None]], float] = {
    _the_log_goes_on: 100,
    _a_call_is_made: 20,
    _a_late_record_lands: 4,
    _a_snapshot_is_begun: 3,
    _a_server_crashes: 1.5,
    _a_server_freezes_or_thaws: 1.5,
    _a_caller_goes: 1,
    _a_clock_goes_wrong: 1,
    _time_passes: 20,
    _a_stranger_writes: 0.5,
}
