"""The text of proto files, addressed by the paths of their source info."""

import re
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorProto, SourceCodeInfo

from ordertrail_server.authoring.buf import format_file
from ordertrail_server.authoring.tree import read_tree
from ordertrail_server.authoring.type_declaration import SourcePath

UNMEASURABLE = re.compile(r"[^\n -~]")


class Span(NamedTuple):
    """A range of characters of a text."""

    start: int
    end: int


class Edit(NamedTuple):
    """A span of a file and the text that replaces it."""

    span: Span
    text: str


class SourceText:
    """The text of one file. `file` is its descriptor, whose source info counts columns in characters."""

    def __init__(self, text: str, file: FileDescriptorProto) -> None:
        self.text = text
        self._line_starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
        locations = file.source_code_info.location
        self._spans = [(tuple(location.path), self._span(location)) for location in locations]

    def spans(self, path: SourcePath) -> list[Span]:
        """Return the spans of all statements at a path. Only options have several."""
        return [span for span_path, span in self._spans if span_path == path]

    def outermost_spans(self, path: SourcePath) -> list[Span]:
        """Return the spans at or below a path that are not nested in another of these spans."""
        spans: list[Span] = []
        for span_path, span in self._spans:
            if span_path[: len(path)] == path and (not spans or span.start >= spans[-1].end):
                spans.append(span)
        return spans

    def edit(self, span: Span, edits: Iterable[Edit]) -> str:
        """Return the text of a span after edits that lie within it and do not overlap."""
        parts, position = [], span.start
        for replaced, text in sorted(edits):
            parts += [self.text[position : replaced.start], text]
            position = replaced.end
        return "".join([*parts, self.text[position : span.end]])

    def _span(self, location: SourceCodeInfo.Location) -> Span:
        # Source info omits the last line of a span if it equals the first.
        first, column, *last, end_column = location.span
        return Span(self._line_starts[first] + column, self._line_starts[last[0] if last else first] + end_column)


def read_sources(proto: Path, names: Iterable[str]) -> dict[str, SourceText]:
    """Format files of a tree and return them by name. Raises AuthoringError if the tree does not compile."""
    texts = {name: _read_formatted(proto / name) for name in names}
    # buf counts columns by the width on a terminal. It equals the number of characters only in printable ASCII.
    for name, text in texts.items():
        (proto / name).write_text(UNMEASURABLE.sub("?", text), encoding="utf-8")
    files = read_tree(proto).files
    for name, text in texts.items():
        (proto / name).write_text(text, encoding="utf-8")
    return {name: SourceText(text, files[name]) for name, text in texts.items()}


def comment_lines(text: str) -> list[str]:
    """Return a comment from source info as lines of a proto; empty if there is none."""
    return [f"//{line}".rstrip() for line in text.removesuffix("\n").split("\n")] if text else []


def _read_formatted(path: Path) -> str:
    format_file(path)
    return path.read_text(encoding="utf-8")
