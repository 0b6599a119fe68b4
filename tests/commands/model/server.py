"""What a server may send and show, as a function of the records that it has folded."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tests.commands.model.attempt import Attempt
from tests.commands.model.fold import Fold, Record, create_record


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """The outcome of a command as a server shows it, and the link that it rests on. Equal answers are one object."""

    request: str
    body: str
    outcome: Literal["accepted", "refused", "request id reused"]
    link: Record


@dataclass(frozen=True, eq=False, slots=True)
class Server:
    """A server and the attempts that it gets: submitted ones, in the sequence of their log, and calls."""

    attempts: tuple[Attempt, ...]
    is_previous_release: bool = False

    def take(self, fold: Fold, record: Record) -> Fold:
        return fold.take(record)

    def find_outcome(self, fold: Fold, attempt: Attempt) -> Record | None:
        """Return the link that has the attempt's request id, whatever its body is."""
        return next((outcome for outcome in fold.outcomes if outcome.request == attempt.request), None)

    def send(self, fold: Fold) -> Iterator[Record]:
        """Return every record that the server may send. A server of the previous release executes calls only."""
        for attempt in self.attempts:
            if not attempt.is_submitted or (not self.is_previous_release and self.is_next(fold, attempt)):
                yield from self.decide(fold, attempt)

    def is_next(self, fold: Fold, attempt: Attempt) -> bool:
        """Return whether all commands that were submitted before this one have an outcome."""
        earlier = self.attempts[: self.attempts.index(attempt)]
        return all(self.find_outcome(fold, command) for command in earlier if command.is_submitted)

    def decide(self, fold: Fold, attempt: Attempt) -> Iterator[Record]:
        """Return the records that an attempt may lead to. The refusal of a call is not recorded."""
        if self.find_outcome(fold, attempt) is None:
            for is_refusal in attempt.decide(fold.version):
                if attempt.is_submitted or not is_refusal:
                    yield self.write(fold, attempt, is_refusal)

    def write(self, fold: Fold, attempt: Attempt, is_refusal: bool) -> Record:
        version = fold.version if is_refusal else fold.version + 1
        return create_record(attempt.request, attempt.body, is_refusal, version, fold.head)

    def show(self, fold: Fold) -> list[Answer]:
        """Return the outcomes that the server shows, in the sequence of the links that they rest on."""
        outcomes = [(attempt, self.find_outcome(fold, attempt)) for attempt in self.attempts]
        answers = dict.fromkeys(create_answer(attempt.body, link) for attempt, link in outcomes if link)
        return sorted(answers, key=lambda answer: fold.outcomes.index(answer.link))


@cache
def create_answer(body: str, link: Record) -> Answer:
    """Return the outcome of the command that has a body and the request id of a link."""
    if link.body != body:
        return Answer(link.request, body, "request id reused", link)
    return Answer(link.request, body, "refused" if link.is_refusal else "accepted", link)
