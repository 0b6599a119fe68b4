"""The logs that were reached; every server folds each of them once."""

from collections.abc import Iterable
from typing import NamedTuple

from tests.commands.model.fold import Fold, Record
from tests.commands.model.guarantee import check_fold, check_progress, check_restart
from tests.commands.model.server import Answer, Server


class View(NamedTuple):
    """A server that has folded a log: its state, and what it may send and show."""

    fold: Fold
    records: tuple[Record, ...]
    answers: tuple[Answer, ...]


class Log:
    """A log, and what each server is on it. `prefixes` has a log for each position, the last one is itself."""

    def __init__(
        self, folds: dict[Server, Fold], records: tuple[Record, ...] = (), prefixes: tuple["Log", ...] = ()
    ) -> None:
        self.records, self.prefixes = records, (*prefixes, self)
        self._continuations: dict[Record, Log] = {}
        for server, fold in folds.items():
            self._check_fold(server, fold, folds)
        self.views = {server: _view(server, fold) for server, fold in folds.items()}

    @property
    def fold(self) -> Fold:
        """The fold of the log, which is the same on all servers."""
        return next(view.fold for view in self.views.values())

    def append(self, record: Record) -> "Log":
        """Return the log with one more record, always as the same object. Raises Violation."""
        if record not in self._continuations:
            folds = {server: server.take(view.fold, record) for server, view in self.views.items()}
            self._continuations[record] = Log(folds, (*self.records, record), self.prefixes)
        return self._continuations[record]

    def _check_fold(self, server: Server, fold: Fold, folds: dict[Server, Fold]) -> None:
        for other_fold in folds.values():
            check_fold(server, fold, other_fold)
        for position, prefix in enumerate(self.prefixes[:-1]):
            check_restart(server, prefix.views[server].fold, self.records[position:], fold)


def create_empty_log(servers: Iterable[Server]) -> Log:
    return Log({server: Fold() for server in servers})


def _view(server: Server, fold: Fold) -> View:
    view = View(fold, tuple(server.send(fold)), tuple(server.show(fold)))
    check_progress(fold, view.records)
    return view
