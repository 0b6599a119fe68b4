"""The report of an import from a topic of older producers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.document_line import MAX_DOCUMENT_BYTES
from ordertrail_server.cli.import_report import REFUSED, Report
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail.v1.order_import_service_pb2 import ImportResult

SKIPPED = "skipped"


def format_origin(topic: str, partition: int, offset: int) -> str:
    """Return the permanent origin of a message, which identifies its order if the producer gave it no id."""
    return f"topic:{topic}:{partition}:{offset}"


def _partition_and_offset(origin: str) -> tuple[int, int]:
    _, partition, offset = origin.rsplit(":", 2)
    return int(partition), int(offset)


@dataclass
class TopicReport(Report):
    """Reports on messages by partition and offset. `next_offsets` is {partition: offset to continue at}."""

    next_offsets: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.counts[SKIPPED] = 0

    def count_result(self, result: "ImportResult") -> None:
        """Count a result."""
        super().count_result(result)
        partition, offset = _partition_and_offset(result.origin)
        self.next_offsets[partition] = offset + 1

    def report_tombstone(self, origin: str, key: str) -> None:
        """Report a message without a value."""
        sentence = f"The message has no value (a tombstone of the key {key!r}), so it is skipped."
        self._report(SKIPPED, origin, "TOMBSTONE", sentence)

    def report_empty(self, origin: str, key: str) -> None:
        """Report a message with an empty value."""
        sentence = f"The message has an empty value (key {key!r}), so it is skipped."
        self._report(SKIPPED, origin, "EMPTY_VALUE", sentence)

    def report_too_long(self, origin: str, size: int) -> None:
        """Report a message that is too long to be a document."""
        sentence = f"The message has {size:,} bytes, but a document has at most {MAX_DOCUMENT_BYTES:,}."
        self._report(REFUSED, origin, "REQUEST_TOO_LARGE", sentence)

    def print_counts(self) -> None:
        """Print the counts, and the offsets at which to continue."""
        super().print_counts()
        if not self.next_offsets:
            return
        positions = [f"{partition}:{offset}" for partition, offset in sorted(self.next_offsets.items())]
        if self.as_json:
            click.echo(json_line({"goOnFrom": positions}))
        else:
            click.echo(f"To continue from here: {' '.join(f'--from-offset {position}' for position in positions)}")

    def position(self, origin: str) -> tuple[str, Mapping[str, Any]]:
        """Return partition and offset."""
        partition, offset = _partition_and_offset(origin)
        return f"{partition}:{offset}", {"partition": partition, "offset": offset}
