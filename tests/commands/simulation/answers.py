"""What must hold of every answer, given the log's ends when the call was made and when it was answered.

A command that was accepted took effect where its record landed. What was refused or previewed took no effect, and was
right on a state in between. So the calls on an order have one order in time that explains all answers: they are
linearizable.
"""

from tests.commands.simulation.callers import Call
from tests.commands.simulation.reference import Past, PastFact
from tests.commands.simulation.shape import require

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Accepted, Fact, Preview
from ordertrail_server.orders.refusal import Refusal

# These leave open whether the command's record is on its way: both travel as UNAVAILABLE.
OPEN = {reasons.ERROR_REASON_UNAVAILABLE, reasons.ERROR_REASON_ORDER_PARKED}
# These say that the server is in the way, and nothing of the order.
OF_NO_STATE = {reasons.ERROR_REASON_UNAVAILABLE, reasons.ERROR_REASON_OVERLOADED}


def answer_was_right(call: Call, past: Past) -> None:
    """Raise Violation unless the call's answer was right at some moment while the call lasted, and stays so."""
    answer = call.answer
    if isinstance(answer, Accepted):
        _receipt_is_true(call, answer, past)
        return
    reason = answer.reason if isinstance(answer, Refusal) else None
    if reason not in OF_NO_STATE:
        require(any(_right_at(end, call, past) for end in range(call.since, call.until + 1)), f"never right: {call}")
    require(reason in OPEN or not _led_to(call, past), f"not accepted, yet it led to a fact: {call}")


def _led_to(call: Call, past: Past) -> bool:
    return any(fact.actor == call.actor for fact in past.facts.get(call.attempt.order_id, []))


def _receipt_is_true(call: Call, answer: Accepted, past: Past) -> None:
    facts = {known.offset: known for known in past.facts_before(call.attempt.order_id, call.until)}
    require(answer.fact.offset in facts, f"acknowledged, but no fact: {call}")
    known = facts[answer.fact.offset]
    require(answer.fact == _as_told(known), f"{call} should have been told {_as_told(known)}")
    asked = (call.attempt.request_id, call.attempt.digest)
    require((known.request_id, known.command_digest) == asked, f"{call} got the receipt of another command")
    require(answer.replayed or known.actor == call.actor, f"{call} was not the first to lead to its fact")
    if answer.record is not None:
        require(answer.record[0].event == known.event, f"{call} was shown another event")


def _as_told(known: PastFact) -> Fact:
    time = known.event.record_time
    told = (known.version, known.digest, known.request_id, known.command_digest, known.offset)
    return Fact(*told, time.seconds * 1_000_000_000 + time.nanos)


def _right_at(end: int, call: Call, past: Past) -> bool:
    right, answer = past.right_answer(call.attempt, end), call.answer
    if isinstance(answer, Refusal):
        return isinstance(right, Refusal) and _says(answer, right)
    assert isinstance(answer, Preview)
    event, facts = answer.reading.event, past.facts_before(call.attempt.order_id, end)
    behind = (len(facts) + 1, facts[-1].digest if facts else b"")
    would_be = getattr(event, event.WhichOneof("event") or "")
    return call.attempt.validate_only and would_be == right and (event.order_version, event.previous) == behind


def _says(answer: Refusal, right: Refusal) -> bool:
    told, true = (answer.reason, answer.order_id, answer.facts), (right.reason, right.order_id, right.facts)
    return told == true and right.message in ("", answer.message)
