"""What must hold of every finished run."""

from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path

from tests.commands.simulation.answers import answer_was_right
from tests.commands.simulation.folds import every_fold_agrees
from tests.commands.simulation.happenings import play
from tests.commands.simulation.reference import Past, PastFact
from tests.commands.simulation.run import Run
from tests.commands.simulation.shape import Shape, require

from ordertrail_server.commands.attempt import Accepted, Fact
from ordertrail_server.orders.decide import decide


async def run_and_check(shape: Shape, directory: Path) -> tuple[Run, Past]:
    """Return a finished run and the past of its log; raises Violation unless every promise was kept, ServerFailed."""
    run = Run(shape, directory)
    try:
        await play(run)
        return run, await check(run)
    finally:
        await run.close()


async def check(run: Run) -> Past:
    """Raise Violation unless every promise was kept; return the past of the run's log."""
    past = Past(run.log.records)
    _only_strangers_break_chains(run, past)
    _every_request_is_one_fact(run, past)
    _every_fact_was_allowed_and_asked_for(run, past)
    _answers_to_one_command_agree(run)
    for call in run.calls:
        if call.answer is not None:
            answer_was_right(call, past)
    await every_fold_agrees(run, past)
    return past


def _only_strangers_break_chains(run: Run, past: Past) -> None:
    broken = {offset for offsets in past.broken.values() for offset in offsets}
    require(broken <= run.strange, f"the records at {broken - run.strange} break their chains")
    require(set(past.foreign) <= run.strange, "a server wrote a foreign record")


def _every_request_is_one_fact(run: Run, past: Past) -> None:
    derived = {call.attempt.request_id: call for call in run.calls if not call.request.order_id}
    seen: set[Hashable] = set()
    for order_id, facts in past.facts.items():
        for fact in facts:
            named: Hashable = (order_id, fact.request_id)
            call = derived.get(fact.request_id)
            if call is not None and fact.command_digest == call.attempt.digest:
                named = ("whatever order", fact.request_id, fact.command_digest)
            require(named not in seen, f"{named} led to two facts")
            seen.add(named)


def _every_fact_was_allowed_and_asked_for(run: Run, past: Past) -> None:
    by_actor = {call.actor: call for call in run.calls}
    for order_id, facts in past.facts.items():
        last = None
        for fact in facts:
            call = by_actor[fact.actor]
            attempt = call.attempt
            asked = (attempt.order_id, attempt.request_id, attempt.digest)
            require((order_id, fact.request_id, fact.command_digest) == asked, f"{fact} is not what {call} asked for")
            require(call.since <= fact.offset, f"{fact} was there before {call}")
            require(not attempt.validate_only, f"{fact} was only to be validated")
            require(attempt.expected_version in (None, fact.version - 1), f"{fact} is not the version expected")
            if not past.parked(order_id, fact.offset):
                event = decide(past.state(order_id, fact.offset), attempt.command)
                require(event == _event(fact), f"{fact} was not allowed where it stands: {event}")
            time = fact.event.record_time
            require(last is None or (last.seconds, last.nanos) <= (time.seconds, time.nanos), "time went back")
            last = time


def _event(fact: PastFact) -> object:
    return getattr(fact.event, fact.event.WhichOneof("event") or "")


def _answers_to_one_command_agree(run: Run) -> None:
    receipts: dict[Hashable, set[tuple[str, bytes, Fact]]] = defaultdict(set)
    for call in run.calls:
        if isinstance(call.answer, Accepted):
            receipts[call.named].add((call.attempt.order_id, call.attempt.digest, call.answer.fact))
    for named, answers in receipts.items():
        require(len(answers) == 1, f"{named} was answered with {answers}")
