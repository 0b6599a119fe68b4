"""Statements of a proto with their comments, in the order and with the blank lines of the source."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from ordertrail_server.authoring.type_declaration import Location, SourcePath

BEFORE_ALL = (-2, 0)


class Statement(NamedTuple):
    """A statement from `start` (line, column) to the line `end`, as lines that begin with its leading comments."""

    start: tuple[int, int]
    end: int
    lines: list[str]


class SourceComments:
    """The locations and comments of a file's statements, by source path."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._locations = list(file.source_code_info.location)
        self._at = {tuple(location.path): location for location in reversed(self._locations)}

    def at(self, path: SourcePath) -> Location | None:
        """Return the first location of a path."""
        return self._at.get(path)

    def lines(self, path: SourcePath) -> tuple[int, int]:
        """Return the first and the last line of the statement at a path, counted from 0. Raises KeyError."""
        return _lines(self._at[path])

    def below(self, path: SourcePath) -> Location | None:
        """Return the first location at or below a path, preferably one with comments."""
        locations = [location for location in self._locations if tuple(location.path[: len(path)]) == path]
        return next(
            (location for location in locations if location.leading_comments), locations[0] if locations else None
        )


def statement(location: Location | None, head: str, body: Sequence[str] | None = None) -> Statement:
    """Return a statement, or a block if there is a body. Without a location it comes first."""
    if location is None:
        return Statement(BEFORE_ALL, BEFORE_ALL[0], [head, *_closed_body(body)])
    begin, end = _lines(location)
    detached = [line for comment in location.leading_detached_comments for line in ("", *comment_lines(comment), "")]
    leading = comment_lines(location.leading_comments)
    after = comment_lines(location.trailing_comments)
    first = [f"{head} {after[0]}"] if len(after) == 1 else [head, *after, *([""] if after else [])]
    lines = [*detached, *leading, *first, *_closed_body(body)]
    return Statement((begin - len(leading), location.span[1]), end, lines)


def join_statements(statements: Iterable[Statement]) -> list[str]:
    """Return the lines of statements in source order, with the blank lines of the source."""
    lines: list[str] = []
    last_line = None
    for item in sorted(statements, key=lambda item: item.start):
        if last_line is not None and item.start[0] - last_line > 1:
            lines.append("")
        lines += item.lines
        last_line = item.end
    return lines


def comment_lines(text: str) -> list[str]:
    """Return a comment from source info as lines of a proto; empty if there is none."""
    return [f"//{line}".rstrip() for line in text.removesuffix("\n").split("\n")] if text else []


def _lines(location: Location) -> tuple[int, int]:
    # A span omits the last line if it equals the first.
    return location.span[0], location.span[2 if len(location.span) == 4 else 0]


def _closed_body(body: Sequence[str] | None) -> Iterator[str]:
    if body is not None:
        yield from body
        yield "}"
