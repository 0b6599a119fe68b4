"""Tokens across restores: those of records that the log has are valid, all others are refused with their reason."""

from typing import NamedTuple

import pytest
from hypothesis import given, strategies as st

from ordertrail_server.log.lineage import Lineage, Predecessor
from ordertrail_server.log.token import ForeignToken, LostToken, read_moment_token, read_token, write_token

PARTITIONS = 2
Record = tuple[int, int]
"""The log that stored a record first, by its number, and the number of the record there."""


class ModelLog(NamedTuple):
    """A log: its lineage, and the records of each partition."""

    lineage: Lineage
    partitions: tuple[tuple[Record, ...], ...]


def identity_of(number: int) -> bytes:
    return bytes([number]) * 16


@st.composite
def restored_logs(draw: st.DrawFn) -> list[ModelLog]:
    """Draw a tree of logs: each but the first one was restored from a backup of an earlier one, and grew."""
    logs: list[ModelLog] = []
    for number in range(draw(st.integers(1, 5))):
        begin: tuple[tuple[Record, ...], ...] = ((),) * PARTITIONS
        predecessors: tuple[Predecessor, ...] = ()
        if logs:
            source = draw(st.sampled_from(logs))
            grown = source.lineage.predecessors[-1].ends if source.lineage.predecessors else (0,) * PARTITIONS
            ends = tuple(
                draw(st.integers(least, len(records))) for least, records in zip(grown, source.partitions, strict=True)
            )
            begin = tuple(records[:end] for records, end in zip(source.partitions, ends, strict=True))
            predecessors = (*source.lineage.predecessors, Predecessor(source.lineage.identity, ends))
        partitions = tuple(
            (*records, *((number, place) for place in range(draw(st.integers(0, 4))))) for records in begin
        )
        logs.append(ModelLog(Lineage(identity_of(number), PARTITIONS, predecessors), partitions))
    return logs


@given(restored_logs(), st.data())
def test_token_is_valid_if_and_only_if_its_records_are_kept(logs: list[ModelLog], data: st.DataObject) -> None:
    issuer, reader = data.draw(st.sampled_from(logs)), data.draw(st.sampled_from(logs))
    offsets = {
        partition: data.draw(st.integers(0, len(issuer.partitions[partition]))) for partition in range(PARTITIONS)
    }
    token = write_token(issuer.lineage.identity, offsets)
    related = {reader.lineage.identity, *(log.identity for log in reader.lineage.predecessors)}
    is_kept = all(
        issuer.partitions[partition][:offset] == reader.partitions[partition][:offset]
        for partition, offset in offsets.items()
    )
    if issuer.lineage.identity not in related:
        with pytest.raises(ForeignToken):
            read_moment_token(token, reader.lineage)
    elif is_kept:
        assert read_moment_token(token, reader.lineage).offsets == offsets
    else:
        with pytest.raises(LostToken):
            read_moment_token(token, reader.lineage)


@given(restored_logs())
def test_writer_is_the_log_that_stored_the_record_first(logs: list[ModelLog]) -> None:
    """Of those from a given log on: a record of an older log counts as one of that log."""
    for log in logs:
        path = [*(predecessor.identity for predecessor in log.lineage.predecessors), log.lineage.identity]
        for partition, records in enumerate(log.partitions):
            for offset, (number, _) in enumerate(records):
                for begin, identity in enumerate(path):
                    expected = path[max(begin, path.index(identity_of(number)))]
                    assert log.lineage.find_writer(identity, partition, offset) == expected


def test_token_of_a_log_that_was_never_restored_is_foreign_to_others() -> None:
    with pytest.raises(ForeignToken):
        read_token(write_token(identity_of(1), {0: 1}), identity_of(2))
