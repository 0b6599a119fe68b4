"""What must hold of every finished run."""

from collections import defaultdict
from collections.abc import Hashable

from ordertrail.v1 import error_reason_pb2 as reasons
from tests.commands.simulation.callers import Call
from tests.commands.simulation.folds import every_fold_agrees
from tests.commands.simulation.reference import Past, PastFact
from tests.commands.simulation.run import Run, Violation

from ordertrail_server.commands.attempt import Accepted, Fact, Preview
from ordertrail_server.orders.decide import decide
from ordertrail_server.orders.refusal import Refusal

# These say nothing of the order: the log or the server was in the way, and a record may or may not have been sent.
NOTHING_SAID = {reasons.ERROR_REASON_UNAVAILABLE, reasons.ERROR_REASON_ORDER_PARKED}
NOTHING_TAKEN = {reasons.ERROR_REASON_OVERLOADED, reasons.ERROR_REASON_INTERNAL}


async def check(run: Run) -> Past:
    """Raise Violation unless every promise was kept; return the past of the run's log."""
    past = Past(run.log.records)
    _only_strangers_break_chains(run, past)
    _every_request_is_one_fact(run, past)
    _every_fact_was_allowed_and_asked_for(run, past)
    _answers_to_one_command_agree(run)
    for call in run.calls:
        if call.answer is not None:
            _answer_was_right(call, past)
    await every_fold_agrees(run, past)
    return past


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(what)


def _only_strangers_break_chains(run: Run, past: Past) -> None:
    broken = {offset for offsets in past.broken.values() for offset in offsets}
    _require(broken <= run.strange, f"the records at {broken - run.strange} break their chains")
    _require(set(past.foreign) <= run.strange, "a server wrote a foreign record")


def _every_request_is_one_fact(run: Run, past: Past) -> None:
    derived = {call.attempt.request_id: call for call in run.calls if not call.request.order_id}
    seen: set[Hashable] = set()
    for order_id, facts in past.facts.items():
        for fact in facts:
            named: Hashable = (order_id, fact.request_id)
            call = derived.get(fact.request_id)
            if call is not None and fact.command_digest == call.attempt.digest:
                named = ("whatever order", fact.request_id, fact.command_digest)
            _require(named not in seen, f"{named} led to two facts")
            seen.add(named)


def _every_fact_was_allowed_and_asked_for(run: Run, past: Past) -> None:
    by_actor = {call.actor: call for call in run.calls}
    for order_id, facts in past.facts.items():
        last = None
        for fact in facts:
            call = by_actor[fact.actor]
            attempt = call.attempt
            asked = (attempt.order_id, attempt.request_id, attempt.digest)
            _require((order_id, fact.request_id, fact.command_digest) == asked, f"{fact} is not what {call} asked for")
            _require(call.since <= fact.offset, f"{fact} was there before {call}")
            _require(not attempt.validate_only, f"{fact} was only to be validated")
            _require(attempt.expected_version in (None, fact.version - 1), f"{fact} is not the version expected")
            if not past.parked(order_id, fact.offset):
                event = decide(past.state(order_id, fact.offset), attempt.command)
                _require(event == _event(fact), f"{fact} was not allowed where it stands: {event}")
            time = fact.event.record_time
            _require(last is None or (last.seconds, last.nanos) <= (time.seconds, time.nanos), "time went back")
            last = time


def _event(fact: PastFact) -> object:
    return getattr(fact.event, fact.event.WhichOneof("event") or "")


def _answers_to_one_command_agree(run: Run) -> None:
    receipts: dict[Hashable, set[tuple[str, bytes, Fact]]] = defaultdict(set)
    for call in run.calls:
        if isinstance(call.answer, Accepted):
            receipts[call.named].add((call.attempt.order_id, call.attempt.digest, call.answer.fact))
    for named, answers in receipts.items():
        _require(len(answers) == 1, f"{named} was answered with {answers}")


def _answer_was_right(call: Call, past: Past) -> None:
    answer = call.answer
    if isinstance(answer, Accepted):
        _receipt_is_true(call, answer, past)
    elif isinstance(answer, Refusal) and answer.reason in NOTHING_SAID | NOTHING_TAKEN:
        _require(answer.reason not in NOTHING_TAKEN or not _led_to(call, past), f"{call} was said not to be taken")
    else:
        _require(any(_right_at(end, call, past) for end in range(call.since, call.until + 1)), f"never right: {call}")
        _require(not _led_to(call, past), f"{call} was refused, yet led to a fact")


def _led_to(call: Call, past: Past) -> bool:
    return any(fact.actor == call.actor for fact in past.facts.get(call.attempt.order_id, []))


def _receipt_is_true(call: Call, answer: Accepted, past: Past) -> None:
    fact = answer.fact
    facts = {known.offset: known for known in past.facts_before(call.attempt.order_id, call.until)}
    known = facts.get(fact.offset)
    _require(known is not None, f"{call} was acknowledged, but its fact is not in the log")
    assert known is not None
    time = known.event.record_time
    told = (known.version, known.digest, known.request_id, known.command_digest, known.offset)
    _require(fact == Fact(*told, time.seconds * 1_000_000_000 + time.nanos), f"{call} was told {fact}, true is {told}")
    asked = (call.attempt.request_id, call.attempt.digest)
    _require((known.request_id, known.command_digest) == asked, f"{call} got the receipt of another command")
    _require(answer.replayed or known.actor == call.actor, f"{call} was not the first to lead to its fact")
    if answer.record is not None:
        _require(answer.record[0].event == known.event, f"{call} was shown another event")


def _right_at(end: int, call: Call, past: Past) -> bool:
    right, answer = past.right_answer(call.attempt, end), call.answer
    if isinstance(answer, Refusal):
        same = isinstance(right, Refusal) and (right.reason, right.order_id) == (answer.reason, answer.order_id)
        return same and right.facts == answer.facts and right.message in ("", answer.message)
    assert isinstance(answer, Preview)
    event = answer.reading.event
    facts = past.facts_before(call.attempt.order_id, end)
    head = facts[-1].digest if facts else b""
    would_be = getattr(event, event.WhichOneof("event") or "")
    return call.attempt.validate_only and would_be == right and (event.order_version, event.previous) == (len(facts) + 1, head)
