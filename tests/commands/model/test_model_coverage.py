"""The model reaches the situations that the design is about."""

from collections.abc import Callable
from functools import cache

import pytest
from tests.commands.model.commands import FIRST, OTHER_CALL, SECOND, SHARING
from tests.commands.model.exploration import explore_logs
from tests.commands.model.fold import Record
from tests.commands.model.log_tree import Log
from tests.commands.model.server import Server


@cache
def reached_logs() -> list[Log]:
    third = ("call repeats the first command", "call reuses the second request id")
    return [log for name in third for log in explore_logs(Server((FIRST, SECOND, SHARING[name], OTHER_CALL)), 4)]


def links(log: Log) -> tuple[Record, ...]:
    return log.fold.links


def void_records(log: Log) -> list[Record]:
    return [record for record in log.records if record not in links(log)]


def starts_with(log: Log, *kinds_and_versions: tuple[bool, int]) -> bool:
    """Return whether the chain starts with facts (False) and refusals (True) of these versions."""
    return [(link.is_refusal, link.version) for link in links(log)][: len(kinds_and_versions)] == [*kinds_and_versions]


def has_other_outcome(log: Log, is_refusal: bool) -> bool:
    """Return whether a void fact or refusal is of a command that a link has decided otherwise."""
    commands = {(link.request, link.body) for link in links(log) if link.is_refusal is not is_refusal}
    voids = [record for record in void_records(log) if record.is_refusal is is_refusal]
    return any((record.request, record.body) in commands for record in voids)


def has_void_after_refusal(log: Log) -> bool:
    refusals = {link.digest for link in links(log) if link.is_refusal}
    return any(record.previous in refusals for record in void_records(log))


def is_reused(log: Log, body: str) -> bool:
    [view] = log.views.values()
    return any(answer.body == body and answer.outcome == "request id reused" for answer in view.answers)


SITUATIONS: dict[str, Callable[[Log], bool]] = {
    "a refusal is the first link, and the fact of version 1 names it": lambda log: starts_with(
        log, (True, 0), (False, 1)
    ),
    "a refusal names a refusal": lambda log: starts_with(log, (True, 0), (True, 0)),
    "a refusal names a fact": lambda log: starts_with(log, (False, 1), (True, 1), (False, 2)),
    "a record lands twice": lambda log: len(set(log.records)) < len(log.records),
    "the refusal of an accepted command lands late": lambda log: has_other_outcome(log, is_refusal=True),
    "the fact of a refused command lands late": lambda log: has_other_outcome(log, is_refusal=False),
    "a late record names a refusal that is no longer the newest link": has_void_after_refusal,
    "a call takes the request id of a submitted command": lambda log: is_reused(log, SECOND.body),
    "a submitted command takes the request id of a call": lambda log: is_reused(log, "another"),
}


@pytest.mark.parametrize("situation", [pytest.param(reaches, id=name) for name, reaches in SITUATIONS.items()])
def test_model_reaches_situation(situation: Callable[[Log], bool]) -> None:
    assert any(situation(log) for log in reached_logs())
