"""Visits every state that servers and a log of limited length can reach."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from tests.commands.model.fold import Record
from tests.commands.model.guarantee import check_answers
from tests.commands.model.log_tree import Log, create_empty_log
from tests.commands.model.server import Answer, Server
from tests.commands.simulation.scenario import Violation


class State(NamedTuple):
    """The log, how far each server has folded it, and all records and answers that servers have sent and shown.

    Equal servers are one object. The pairs (server, position) are sorted, because such servers are interchangeable.
    """

    log: Log
    servers: tuple[tuple[Server, int], ...]
    in_flight: tuple[Record, ...] = ()
    answers: tuple[Answer, ...] = ()


def explore(servers: Sequence[Server], max_log: int) -> set[State]:
    """Return all states of servers with a log of at most `max_log` records. Raises Violation at the nearest one."""
    start = State(create_empty_log(servers), tuple(sorted([(server, 0) for server in servers], key=_sort_key)))
    for number in range(len(servers)):
        start = _move(start, number, 0)
    states, frontier = {start}, [start]
    while frontier:
        successors = dict.fromkeys(after for state in frontier for after in _reach(state, max_log))
        frontier = [state for state in successors if state not in states]
        states.update(frontier)
    return states


def _reach(state: State, max_log: int) -> list[State]:
    try:
        return list(_successors(state, max_log))
    except Violation as violation:
        violation.add_note(f"by one step from the log {state.log.records}, folded up to {state.servers}")
        violation.add_note(f"with the records in flight {state.in_flight}")
        raise


def _successors(state: State, max_log: int) -> Iterator[State]:
    for number, (_, position) in enumerate(state.servers):
        if position < len(state.log.records):
            yield _move(state, number, position + 1)
        if position > 0:  # a restart from an older snapshot is several such steps
            yield _move(state, number, position - 1)
    if len(state.log.records) < max_log:
        for record in state.in_flight:
            yield state._replace(log=state.log.append(record))


def _move(state: State, number: int, position: int) -> State:
    """Return the state in which a server has folded the log up to a position, and sends and shows all it may there."""
    server, _ = state.servers[number]
    view = state.log.prefixes[position].views[server]
    servers = (*state.servers[:number], (server, position), *state.servers[number + 1 :])
    in_flight, answers = state.in_flight, state.answers
    if not set(in_flight).issuperset(view.records):
        in_flight = tuple(sorted({*in_flight, *view.records}, key=attrgetter("digest")))
    if not set(answers).issuperset(view.answers):
        answers = tuple(dict.fromkeys([*answers, *view.answers]))
    check_answers(view.answers, answers)
    return State(state.log, tuple(sorted(servers, key=_sort_key)), in_flight, answers)


def _sort_key(server: tuple[Server, int]) -> tuple[bool, int]:
    return server[0].is_previous_release, server[1]


def explore_logs(server: Server, max_log: int) -> list[Log]:
    """Return all logs that any number of equal servers can write, each at any position at any time. Raises Violation.

    The servers have sent and shown what they may at every position of the log.
    """
    logs = frontier = [create_empty_log([server])]
    while frontier and len(frontier[0].records) < max_log:
        frontier = [log.append(record) for log in frontier for record in _all_in_flight(server, log)]
        for log in frontier:
            _check_all_answers(server, log)
        logs = logs + frontier
    return logs


def _all_in_flight(server: Server, log: Log) -> list[Record]:
    return list(dict.fromkeys(record for prefix in log.prefixes for record in prefix.views[server].records))


def _check_all_answers(server: Server, log: Log) -> None:
    answers = tuple(dict.fromkeys(answer for prefix in log.prefixes for answer in prefix.views[server].answers))
    for prefix in log.prefixes:
        check_answers(prefix.views[server].answers, answers)
