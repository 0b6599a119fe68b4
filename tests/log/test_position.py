"""The packed position is frozen: files of every release contain it."""

import pytest

from ordertrail_server.log.position import MAX_PARTITIONS, OFFSETS, LogPosition, first_packed


@pytest.mark.parametrize(
    ("partition", "offset", "packed"),
    [
        (0, 0, 0),
        (0, 17, 17),
        (1, 0, 281_474_976_710_656),
        (3, 5, 844_424_930_131_973),
        (MAX_PARTITIONS - 1, OFFSETS - 1, 2**63 - 1),
    ],
)
def test_packed_position_is_partition_times_two_to_the_48_plus_offset(partition: int, offset: int, packed: int) -> None:
    assert LogPosition(partition, offset).pack() == packed
    assert LogPosition.unpack(packed) == (partition, offset)
    assert first_packed(partition) <= packed < first_packed(partition + 1)
