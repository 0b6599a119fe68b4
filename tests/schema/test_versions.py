"""The versions that this release knows, as the record lists them."""

from itertools import pairwise

from google.protobuf.descriptor import FieldDescriptor
from tests.schema.event_cases import list_versions
from tests.schema.records import build_record

from ordertrail_server.schema.cases import cases, message_of, version_of
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.versions import Version, versions
from ordertrail_server.schema.wire import bytes_tag, chunk


def test_every_version_of_every_event_is_listed_once_by_its_number() -> None:
    listed = [(version.number, version.message) for version in versions()]
    assert listed == sorted((case.number, message_of(case).full_name) for case in cases())


def test_version_reads_as_its_successor_and_the_newest_as_the_public_event() -> None:
    by_number = {version.number: version for version in versions()}
    assert by_number[11] == Version(
        "ordertrail.events.v1.OrderCreated", 1, 11, "ordertrail.events.v2.OrderPlaced", written=False
    )
    placed = list_versions("OrderPlaced")
    for case, successor in pairwise(placed):
        assert by_number[case.number] == version(case, message_of(successor).full_name, written=False)
    assert by_number[placed[-1].number] == version(placed[-1], "ordertrail.v1.OrderPlaced", written=True)


def version(case: FieldDescriptor, reads_as: str, *, written: bool) -> Version:
    message = message_of(case)
    return Version(message.full_name, version_of(message), case.number, reads_as, written)


def test_one_version_of_each_event_is_written() -> None:
    written = [version.reads_as for version in versions() if version.written]
    assert sorted(written) == sorted({version.reads_as for version in versions() if "events" not in version.reads_as})


def test_version_matches_that_of_the_reading() -> None:
    for version in versions():
        reading = read(build_record(chunk(bytes_tag(version.number), b"")))
        assert reading is not None
        assert (reading.written_version, reading.number) == (version.version, version.number)
