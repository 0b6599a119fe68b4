"""Checks the guarantees of the write path on a finished run. The package's docstring lists them."""

from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path

from tests.commands.simulation.answer_check import check_answer
from tests.commands.simulation.fold_check import check_folds
from tests.commands.simulation.reference_fold import ReferenceFold, ReferenceLink
from tests.commands.simulation.run import Run
from tests.commands.simulation.scenario import Scenario, require
from tests.commands.simulation.step import run_steps

from ordertrail_server.commands.attempt import Accepted
from ordertrail_server.facts.link import Link
from ordertrail_server.orders.decide import decide


async def run_and_check(scenario: Scenario, directory: Path) -> tuple[Run, ReferenceFold]:
    """Run a scenario and check it; return the run and the reference fold of its log. Raises Violation, ServerFailed."""
    run = Run(scenario, directory)
    try:
        await run.start()
        await run_steps(run)
        return run, await check_guarantees(run)
    finally:
        await run.close()


async def check_guarantees(run: Run) -> ReferenceFold:
    """Return the reference fold of the run's log. Raises Violation if a guarantee was broken."""
    reference = ReferenceFold(run.log.records)
    _require_unbroken_chains(run, reference)
    _require_one_fact_of_each_request(run, reference)
    _require_no_fact_after_refusal(reference)
    _require_facts_follow_from_calls(run, reference)
    _require_equal_receipts(run)
    for call in run.calls:
        if call.answer is not None:
            check_answer(call, reference)
    await check_folds(run, reference)
    return reference


def _require_unbroken_chains(run: Run, reference: ReferenceFold) -> None:
    broken = {offset for offsets in reference.broken.values() for offset in offsets}
    require(broken <= run.injected, f"servers appended records that break a chain, at offsets {broken - run.injected}")
    require(set(reference.foreign) <= run.injected, "a server appended a foreign record")


def _require_one_fact_of_each_request(run: Run, reference: ReferenceFold) -> None:
    derived = {call.attempt.request_id: call for call in run.calls if not call.request.order_id}
    requests: set[Hashable] = set()
    for order_id, facts in reference.facts.items():
        for fact in facts:
            request: Hashable = (order_id, fact.request_id)
            call = derived.get(fact.request_id)
            if call is not None and fact.command_digest == call.attempt.digest:
                request = ("derived order id", fact.request_id, fact.command_digest)
            require(request not in requests, f"{request} led to two facts")
            requests.add(request)


def _require_no_fact_after_refusal(reference: ReferenceFold) -> None:
    for order_id, links in reference.links.items():
        refused: set[str] = set()
        for link in links:
            was_refused = link.request_id in refused and not link.is_refusal
            require(not was_refused, f"{link.request_id} of {order_id} led to a fact after its recorded refusal")
            if link.is_refusal:
                refused.add(link.request_id)


def _require_facts_follow_from_calls(run: Run, reference: ReferenceFold) -> None:
    by_actor = {call.actor: call for call in run.calls}
    for order_id, facts in reference.facts.items():
        last = None
        for fact in facts:
            call = by_actor[fact.actor]
            attempt = call.attempt
            command = (attempt.order_id, attempt.request_id, attempt.digest)
            require((order_id, fact.request_id, fact.command_digest) == command, f"{fact} does not belong to {call}")
            require(call.end_at_call <= fact.offset, f"{fact} is older than {call}")
            require(not attempt.validate_only, f"{fact} belongs to a call with validate_only")
            require(attempt.expected_version in (None, fact.version - 1), f"{fact} has not the expected version")
            if not reference.is_parked(order_id, fact.offset):
                event = decide(reference.state(order_id, fact.offset), attempt.command)
                require(event == _event(fact), f"{fact} was not allowed at its offset: {event}")
            time = fact.event.record_time
            require(
                last is None or (last.seconds, last.nanos) <= (time.seconds, time.nanos),
                "the time of an order went back",
            )
            last = time


def _event(fact: ReferenceLink) -> object:
    return getattr(fact.event, fact.event.WhichOneof("event") or "")


def _require_equal_receipts(run: Run) -> None:
    receipts: dict[Hashable, set[tuple[str, bytes, Link]]] = defaultdict(set)
    for call in run.calls:
        if isinstance(call.answer, Accepted):
            receipts[call.command_key].add((call.attempt.order_id, call.attempt.digest, call.answer.fact))
    for command_key, answers in receipts.items():
        require(len(answers) == 1, f"{command_key} got different receipts: {answers}")
