"""Defects of the design of submitted commands, each with the guarantee that it breaks.

Each replaces one attribute of the fold or the server. If the attribute does not exist, its test fails.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.commands.model.attempt import REFUSE, Attempt
from tests.commands.model.fold import Fold, Record, create_record
from tests.commands.model.guarantee import (
    BOTH_OUTCOMES,
    BROKEN,
    NO_PROGRESS,
    NOT_AS_SUBMITTED,
    OUTCOME_CHANGED,
    RESTART_DIFFERS,
    SEQUENCE_CHANGED,
    SERVERS_DIFFER,
    TWO_OUTCOMES,
)
from tests.commands.model.server import Answer, Server, create_answer
from tests.commands.simulation.mutant import Defect, Wrap

from ordertrail_server.orders.chain import Verdict

Decide = Callable[[Server, Fold, Attempt], Iterator[Record]]
FindOutcome = Callable[[Server, Fold, Attempt], Record | None]


class DesignMutant(NamedTuple):
    """A defect, and the text of the violation that it leads to first."""

    name: str
    defect: Defect
    violation: str


def breaks(violation: str, name: str, owner: object, attribute: str) -> Callable[[Wrap], DesignMutant]:
    return lambda wrap: DesignMutant(name, Defect(owner, attribute, wrap), violation)


@breaks(BOTH_OUTCOMES, "refusal is not a link", Fold, "add_link")
def add_facts_only(add_link: Any) -> Any:
    return lambda fold, record: fold if record.is_refusal else add_link(fold, record)


@breaks(BOTH_OUTCOMES, "refusal counts wherever it lands", Fold, "judge")
def count_late_refusals(judge: Any) -> Any:
    def judge_late_refusal_as_link(fold: Fold, record: Record) -> Verdict:
        verdict: Verdict = judge(fold, record)
        return Verdict.REFUSAL if record.is_refusal and verdict is Verdict.VOID else verdict

    return judge_late_refusal_as_link


@breaks(BOTH_OUTCOMES, "refusal is not looked up by request id", Server, "find_outcome")
def find_facts_only(find_outcome: FindOutcome) -> FindOutcome:
    def find_fact(server: Server, fold: Fold, attempt: Attempt) -> Record | None:
        outcome = find_outcome(server, fold, attempt)
        return None if outcome and outcome.is_refusal else outcome

    return find_fact


@breaks(TWO_OUTCOMES, "outcome is looked up by request id and body", Server, "find_outcome")
def find_by_body(find_outcome: FindOutcome) -> FindOutcome:
    def find_same_body(server: Server, fold: Fold, attempt: Attempt) -> Record | None:
        outcome = find_outcome(server, fold, attempt)
        return outcome if outcome and outcome.body == attempt.body else None

    return find_same_body


@breaks(TWO_OUTCOMES, "reuse of a request id is recorded as a refusal", Server, "decide")
def record_reuse(decide: Decide) -> Decide:
    def decide_and_record_reuse(server: Server, fold: Fold, attempt: Attempt) -> Iterator[Record]:
        outcome = server.find_outcome(fold, attempt)
        if outcome and outcome.body != attempt.body and attempt.is_submitted:
            yield server.write(fold, attempt, REFUSE)
        yield from decide(server, fold, attempt)

    return decide_and_record_reuse


@breaks(OUTCOME_CHANGED, "outcome is shown before its record is folded", Server, "show")
def show_unconfirmed(show: Any) -> Any:
    def show_unconfirmed_records(server: Server, fold: Fold) -> list[Answer]:
        records = {record.request: record for record in server.send(fold)}
        attempts = [attempt for attempt in server.attempts if attempt.is_submitted and attempt.request in records]
        return [*show(server, fold), *(create_answer(attempt.body, records[attempt.request]) for attempt in attempts)]

    return show_unconfirmed_records


@breaks(TWO_OUTCOMES, "receipt is looked up after deciding", Server, "decide")
def decide_before_lookup(decide: Decide) -> Decide:
    def refuse_before_lookup(server: Server, fold: Fold, attempt: Attempt) -> Iterator[Record]:
        if attempt.is_submitted and REFUSE in attempt.decide(fold.version):
            yield server.write(fold, attempt, REFUSE)
        else:
            yield from decide(server, fold, attempt)

    return refuse_before_lookup


@breaks(BROKEN, "refusal has the next version", Server, "write")
def write_next_version(write: Any) -> Any:
    def write_refusal_as_next_version(server: Server, fold: Fold, attempt: Attempt, is_refusal: bool) -> Record:
        record: Record = write(server, fold, attempt, is_refusal)
        return create_record(record.request, record.body, is_refusal, fold.version + 1, record.previous)

    return write_refusal_as_next_version


@breaks(NO_PROGRESS, "next record names the newest fact", Server, "write")
def name_newest_fact(write: Any) -> Any:
    def write_after_newest_fact(server: Server, fold: Fold, attempt: Attempt, is_refusal: bool) -> Record:
        facts = tuple(link for link in fold.links if not link.is_refusal)
        record: Record = write(server, fold._replace(snapshot=facts, tail=()), attempt, is_refusal)
        return record

    return write_after_newest_fact


@breaks(BROKEN, "refusal is missing from the digests of older links", Fold, "links_at")
def find_digests_of_facts(links_at: Any) -> Any:
    return lambda fold, version: [link.digest for link in fold.links if link.version == version and not link.is_refusal]


@breaks(RESTART_DIFFERS, "late record is judged by the links since the restart", Fold, "links_at")
def find_digests_of_tail(links_at: Any) -> Any:
    return lambda fold, version: [link.digest for link in fold.tail if link.version == version]


@breaks(RESTART_DIFFERS, "snapshot holds facts only", Fold, "restart")
def restart_from_facts(restart: Any) -> Any:
    return lambda fold: fold._replace(snapshot=tuple(link for link in fold.links if not link.is_refusal), tail=())


@breaks(BOTH_OUTCOMES, "call ignores recorded refusals", Server, "decide")
def execute_refused_call(decide: Decide) -> Decide:
    def decide_without_refusals(server: Server, fold: Fold, attempt: Attempt) -> Iterator[Record]:
        facts = tuple(outcome for outcome in fold.outcomes if not outcome.is_refusal)
        yield from decide(server, fold if attempt.is_submitted else fold._replace(outcomes=facts), attempt)

    return decide_without_refusals


@breaks(NOT_AS_SUBMITTED, "submitted commands are decided without waiting for earlier ones", Server, "is_next")
def decide_at_once(is_next: Any) -> Any:
    return lambda server, fold, attempt: True


@breaks(SEQUENCE_CHANGED, "outcomes are shown in the sequence of submission", Server, "show")
def show_as_submitted(show: Any) -> Any:
    def show_in_sequence_of_attempts(server: Server, fold: Fold) -> list[Answer]:
        answers = {(answer.request, answer.body): answer for answer in show(server, fold)}
        commands = dict.fromkeys((attempt.request, attempt.body) for attempt in server.attempts)
        return [answers[command] for command in commands if command in answers]

    return show_in_sequence_of_attempts


@breaks(SERVERS_DIFFER, "previous release does not judge refusals", Server, "take")
def ignore_refusals(take: Any) -> Any:
    def take_without_refusals(server: Server, fold: Fold, record: Record) -> Fold:
        is_ignored = record.is_refusal and server.is_previous_release
        return fold if is_ignored else take(server, fold, record)

    return take_without_refusals


DESIGN_MUTANTS = [value for value in globals().values() if isinstance(value, DesignMutant)]
