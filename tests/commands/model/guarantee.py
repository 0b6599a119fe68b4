"""The guarantees of submitted commands, each with the text of its violation."""

from collections.abc import Sequence
from functools import cache

from tests.commands.model.attempt import Attempt
from tests.commands.model.fold import Fold, Record
from tests.commands.model.server import Answer, Server
from tests.commands.simulation.scenario import require

from ordertrail_server.orders.chain import Verdict

BROKEN = "a record breaks the chain"
BOTH_OUTCOMES = "a command is both accepted and refused"
TWO_OUTCOMES = "a request id has two outcomes"
SERVERS_DIFFER = "two servers give a record different verdicts"
RESTART_DIFFERS = "a restart from a snapshot differs from a fold from the beginning"
NOT_AS_SUBMITTED = "a command was decided before one that was submitted earlier"
NO_PROGRESS = "a record that was decided on the newest state is void"
OUTCOME_CHANGED = "a shown outcome changed"
SEQUENCE_CHANGED = "two decided commands changed their sequence"


def check_fold(server: Server, fold: Fold, other_fold: Fold) -> None:
    """Raise Violation unless a server's fold of a log is sound, and equal to that of another server."""
    outcomes = list(dict.fromkeys(fold.outcomes))
    requests = [outcome.request for outcome in outcomes]
    require(not fold.broken, BROKEN)
    require(not _commands(outcomes, is_refusal=False) & _commands(outcomes, is_refusal=True), BOTH_OUTCOMES)
    require(len(requests) == len(set(requests)), TWO_OUTCOMES)
    require(fold == other_fold, SERVERS_DIFFER)
    require(_is_as_submitted(server.attempts, requests), NOT_AS_SUBMITTED)


def _commands(outcomes: Sequence[Record], is_refusal: bool) -> set[tuple[str, str]]:
    return {(outcome.request, outcome.body) for outcome in outcomes if outcome.is_refusal is is_refusal}


def _is_as_submitted(attempts: Sequence[Attempt], requests: Sequence[str]) -> bool:
    """Return whether commands were decided as they were submitted. A call may decide its request id at any time."""
    submitted = list(dict.fromkeys(attempt.request for attempt in attempts if attempt.is_submitted))
    called = {attempt.request for attempt in attempts if not attempt.is_submitted}
    ordered = [request for request in submitted if request not in called]
    return all(
        set(submitted[: submitted.index(request)]) <= set(requests[: requests.index(request)])
        for request in ordered
        if request in requests
    )


def check_restart(server: Server, snapshot: Fold, later_records: Sequence[Record], fold: Fold) -> None:
    """Raise Violation unless the fold of the later records on a snapshot agrees with the fold from the beginning."""
    restarted = snapshot.restart()
    for record in later_records:
        restarted = server.take(restarted, record)
    require((restarted.links, *restarted[2:]) == (fold.links, *fold[2:]), RESTART_DIFFERS)


def check_progress(fold: Fold, next_records: Sequence[Record]) -> None:
    """Raise Violation if a record is void although it was decided on this fold and lands next."""
    require(all(fold.judge(record) is not Verdict.VOID for record in next_records), NO_PROGRESS)


@cache
def check_answers(answers: tuple[Answer, ...], all_answers: tuple[Answer, ...]) -> None:
    """Raise Violation unless a server's answers agree with all answers that were ever shown, in that sequence."""
    commands = [(answer.request, answer.body) for answer in all_answers]
    require(len(commands) == len(set(commands)), OUTCOME_CHANGED)
    require([answer for answer in all_answers if answer in answers] == list(answers), SEQUENCE_CHANGED)
