"""Delivery ids: one event has one id for ever, and no id names two events, whatever is restored."""

import pytest
from hypothesis import given, strategies as st
from tests.log.test_lineage import ModelLog, restored_logs

from ordertrail_server.log.lineage import Lineage, Predecessor
from ordertrail_server.log.position import LogPosition
from ordertrail_server.subscriptions.delivery_id import DeliveryIds

FIRST, SECOND = b"\1" * 16, b"\2" * 16
RESTORED = Lineage(SECOND, 2, (Predecessor(FIRST, (5, 0)),))


def write(lineage: Lineage, partition: int, offset: int) -> str:
    return DeliveryIds("uid-1", FIRST, lineage).write(LogPosition(partition, offset).pack())


def test_delivery_id_is_partition_and_offset_on_a_log_that_was_never_restored() -> None:
    assert write(Lineage(FIRST, 2), 1, 7) == "uid-1-1-7"


def test_delivery_id_of_a_kept_record_stays_the_same_after_a_restore() -> None:
    assert write(RESTORED, 0, 4) == "uid-1-0-4"


def test_delivery_id_of_a_new_record_names_the_log_that_stored_it() -> None:
    assert write(RESTORED, 0, 5) == "uid-1-0-5-0202020202020202"
    assert write(RESTORED, 1, 0) == "uid-1-1-0-0202020202020202"


@given(restored_logs(), st.data())
def test_no_delivery_id_names_two_events_and_no_event_has_two(logs: list[ModelLog], data: st.DataObject) -> None:
    creator = data.draw(st.sampled_from(logs)).lineage.identity
    records: dict[str, object] = {}
    ids: dict[object, str] = {}
    for log in logs:
        is_descendant = creator in {log.lineage.identity, *(before.identity for before in log.lineage.predecessors)}
        delivery_ids = DeliveryIds("uid-1", creator, log.lineage)
        for partition, stored in enumerate(log.partitions if is_descendant else ()):
            for offset, record in enumerate(stored):
                position, event = LogPosition(partition, offset).pack(), (partition, offset, record)
                delivery_id = delivery_ids.write(position)
                assert records.setdefault(delivery_id, event) == event
                assert ids.setdefault(event, delivery_id) == delivery_id
                assert delivery_ids.read(delivery_id) == position


@pytest.mark.parametrize(
    "delivery_id",
    [
        "",
        "uid-1",
        "uid-2-0-4",
        "uid-1-0-5",
        "uid-1-0-4-0202020202020202",
        "uid-1-0-5-0101010101010101",
        "uid-1-0-5-",
        "uid-1-0-05-0202020202020202",
        "uid-1-2-0-0202020202020202",
        "uid-1-0--1",
        "uid-1-0-999999999999999",
    ],
)
def test_text_that_is_no_delivery_id_is_none(delivery_id: str) -> None:
    assert DeliveryIds("uid-1", FIRST, RESTORED).read(delivery_id) is None
