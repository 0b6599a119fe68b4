"""Checks that every answer to a call is linearizable.

A call lasts from the log's end when it was sent to the log's end when it was answered. An accepted command took effect
at the offset of its record. A refusal or a preview had no effect, and was correct for the state at some offset during
the call. So all calls on an order can be put into one sequence that explains every answer.
"""

from tests.commands.simulation.call import Call
from tests.commands.simulation.reference_fold import ReferenceFold, ReferenceLink
from tests.commands.simulation.scenario import require

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Accepted, Preview
from ordertrail_server.facts.link import Link, request_key
from ordertrail_server.orders.refusal import Refusal

# These do not tell whether the command's record may still be appended: both are sent as UNAVAILABLE.
UNDECIDED = {reasons.ERROR_REASON_UNAVAILABLE, reasons.ERROR_REASON_ORDER_PARKED}
# These are about the server. They make no statement about the order.
INDEPENDENT_OF_STATE = {reasons.ERROR_REASON_UNAVAILABLE, reasons.ERROR_REASON_OVERLOADED}


def check_answer(call: Call, reference: ReferenceFold) -> None:
    """Raise Violation unless the answer was correct at some moment during the call, and still is."""
    answer = call.answer
    if isinstance(answer, Accepted):
        _check_receipt(call, answer, reference)
        return
    reason = answer.reason if isinstance(answer, Refusal) else None
    if reason not in INDEPENDENT_OF_STATE:
        ends = range(call.end_at_call, call.end_at_answer + 1)
        was_correct = any(_is_correct_at(end, call, reference) for end in ends)
        require(was_correct, f"the answer was correct at no moment: {call}")
    may_have_fact = reason in UNDECIDED or not _led_to_fact(call, reference)
    require(may_have_fact, f"the command was not accepted, but it led to a fact: {call}")


def _led_to_fact(call: Call, reference: ReferenceFold) -> bool:
    return any(link.actor == call.actor for link in reference.links.get(call.attempt.order_id, []))


def _check_receipt(call: Call, answer: Accepted, reference: ReferenceFold) -> None:
    facts = {fact.offset: fact for fact in reference.facts_before(call.attempt.order_id, call.end_at_answer)}
    require(answer.fact.offset in facts, f"the command was acknowledged, but there is no fact: {call}")
    fact = facts[answer.fact.offset]
    require(answer.fact == _expected_receipt(fact), f"{call} should have got {_expected_receipt(fact)}")
    command = (call.attempt.request_id, call.attempt.digest)
    require((fact.request_id, fact.command_digest) == command, f"{call} got the receipt of another command")
    require(answer.replayed or fact.actor == call.actor, f"{call} was not the first to lead to its fact")
    if answer.record is not None:
        require(answer.record[0].event == fact.event, f"{call} got another event")


def _expected_receipt(fact: ReferenceLink) -> Link:
    # No time of its own, because a server gives a record at least the time of its predecessor.
    values = (fact.version, fact.digest, request_key(fact.request_id), fact.command_digest, fact.offset)
    return Link(*values, time=None, is_refusal=False)


def _is_correct_at(end: int, call: Call, reference: ReferenceFold) -> bool:
    expected, answer = reference.expected_answer(call.attempt, end), call.answer
    if isinstance(answer, Refusal):
        return isinstance(expected, Refusal) and _matches(answer, expected)
    assert isinstance(answer, Preview)
    event, facts = answer.reading.event, reference.facts_before(call.attempt.order_id, end)
    links = reference.links_before(call.attempt.order_id, end)
    next_link = (len(facts) + 1, links[-1].digest if links else b"")
    would_be = getattr(event, event.WhichOneof("event") or "")
    return call.attempt.validate_only and would_be == expected and (event.order_version, event.previous) == next_link


def _matches(answer: Refusal, expected: Refusal) -> bool:
    actual = (answer.reason, answer.order_id, answer.facts)
    return actual == (expected.reason, expected.order_id, expected.facts) and expected.message in ("", answer.message)
