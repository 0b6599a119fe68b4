import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail_server.orders.times import moment, nanoseconds


@pytest.mark.parametrize("at", [0, 1, -1, 1_700_000_000_123_456_789, 2**63 - 1, -(2**63) + 1])
def test_time_is_converted_exactly_to_nanoseconds(at: int) -> None:
    time = Timestamp(seconds=at // 1_000_000_000, nanos=at % 1_000_000_000)
    assert (nanoseconds(time), moment(at)) == (at, time)


def test_time_beyond_64_bits_is_clamped() -> None:
    assert nanoseconds(Timestamp(seconds=-62_135_596_800)) == -(2**63) + 1
    assert nanoseconds(Timestamp(seconds=253_402_300_799, nanos=999_999_999)) == 2**63 - 1
