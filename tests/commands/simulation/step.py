"""The steps of a run and how often each is taken."""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable

from tests.commands.simulation.call import Call
from tests.commands.simulation.injected_record import create_injected_entry
from tests.commands.simulation.injected_refusal import create_refusal
from tests.commands.simulation.run import Run
from tests.commands.simulation.simulated_server import SimulatedServer

from ordertrail_server.access.rights import FULL_RIGHTS
from ordertrail_server.commands.prepare import Caller, prepare
from ordertrail_server.orders.refusal import Refused


async def run_steps(run: Run) -> None:
    """Take the scenario's number of random steps, then drain the run."""
    weights = dict(STEP_WEIGHTS)
    if not run.scenario.injects_records:
        del weights[_inject_record], weights[_inject_refusal]
    for _ in range(run.scenario.steps):
        [step] = run.random.choices(list(weights), list(weights.values()))
        await step(run)
        await run.run_tasks()
    await run.drain()


async def _start_call(run: Run) -> None:
    send_request(run, run.random.choice(run.servers))


def send_request(run: Run, server: SimulatedServer) -> None:
    """Send the next request to a server."""
    request = run.requests.next_request()
    original = type(request)()
    original.CopyFrom(request)
    answer = get_running_loop().create_future()
    attempt = prepare(request, answer, Caller(FULL_RIGHTS, f"call-{len(run.calls)}"), run.world.new_id)
    attempt.is_batched = len(run.calls) % 3 == 0
    if original.order_id or original.request_id:
        run.requests.add_order(attempt.order_id)
    run.calls.append(Call(len(run.calls), server.number, original, attempt, run.log.end()))
    try:
        server.writer.queue.submit(attempt)
    except Refused as refused:
        answer.set_result(refused.refusal)


async def _advance_log_call(run: Run) -> None:
    pending = [
        (server, call) for server in run.servers if not server.is_frozen for call in server.connection.open_calls
    ]
    if pending:
        server, call = run.random.choice(pending)
        server.connection.advance(call, faults=True)


async def _append_delayed_record(run: Run) -> None:
    if run.log.delayed:
        run.log.append_delayed()


async def _cancel_call(run: Run) -> None:
    waiting = [call for call in run.calls if call.is_waiting]
    if waiting:
        run.random.choice(waiting).cancel()


async def _crash_server(run: Run) -> None:
    server = run.random.choice(run.servers)
    for call in run.calls:
        if call.is_waiting and call.server == server.number:
            call.cancel()
    await server.crash()


async def _freeze_or_thaw_server(run: Run) -> None:
    server = run.random.choice(run.servers)
    server.is_frozen = not server.is_frozen


async def _skew_clock(run: Run) -> None:
    run.random.choice(run.servers).skew_clock()


async def _pass_time(run: Run) -> None:
    run.world.elapsed += run.random.choice([0.001, 0.04, 1.0, 12.0])


async def _commit_projection(run: Run) -> None:
    run.random.choice(run.servers).projector.commit_some()


async def _report_projection(run: Run) -> None:
    run.random.choice(run.servers).report_projected()


async def _inject_record(run: Run) -> None:
    run.injected.add(run.log.append(create_injected_entry(run.random, run.log.records)))


async def _inject_refusal(run: Run) -> None:
    # Nobody but its server knows an order whose ids the server has generated.
    calls = [call for call in run.calls[-4:] if call.request.request_id or call.request.order_id]
    if calls:
        call = run.random.choice(calls)
        # A record between those of one atomic append would make the rest of the append look like damage.
        refusal = create_refusal(run.random, run.log.records, call.attempt, may_be_link=not run.scenario.atomic)
        run.injected.add(run.log.append(refusal))


STEP_WEIGHTS: dict[Callable[[Run], Awaitable[None]], float] = {
    _advance_log_call: 100,
    _start_call: 20,
    _append_delayed_record: 4,
    _commit_projection: 5,
    _report_projection: 5,
    _crash_server: 1.5,
    _freeze_or_thaw_server: 1.5,
    _cancel_call: 1,
    _skew_clock: 1,
    _pass_time: 20,
    _inject_record: 0.5,
    _inject_refusal: 1,
}
