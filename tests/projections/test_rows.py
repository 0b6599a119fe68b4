"""The rows of the projections `orders` and `history`, for each kind of record."""

from pathlib import Path

import pytest
from tests.projections.engine_files import project, project_records
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, create_log, remove
from tests.projections.stored_rows import stored_events
from tests.schema.event_cases import NEWEST

from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_LINE_ADDED, ORDER_EVENT_TYPE_ORDER_PLACED
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_CONFIRMED
from ordertrail_server.facts.link import request_key
from ordertrail_server.orders.chain import digest
from ordertrail_server.orders.evolve import fold
from ordertrail_server.schema.cases import message_of, version_of


async def test_row_of_an_order_is_the_fold_of_its_facts(tmp_path: Path) -> None:
    builder = LogBuilder()
    for event in (PLACED, PLUM_ADDED, CONFIRMED):
        builder.add_fact("order-1", event)
    orders, history = await project_records(builder, tmp_path)
    [(order_id, version, head, parked, status, delivery, state, customer, reference, created)] = orders["orders"]
    assert (order_id, version, head, parked) == ("order-1", 3, builder.head("order-1"), None)
    assert (customer, status, reference, delivery) == ("shop-1", ORDER_STATUS_CONFIRMED, "17", 20260315)
    assert created == 1_750_000_001 * 10**9
    assert Order.FromString(state) == fold(stored_events(history))


async def test_links_of_an_order_hold_what_answers_a_repeated_request(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED, seconds=2_000)
    builder.add_refusal("order-1")
    builder.add_fact("order-1", PLUM_ADDED, seconds=1_000)
    orders, _ = await project_records(builder, tmp_path)
    records = builder.records[0]
    command, folded_time = b"c" * 16, 2_000 * 10**9
    assert orders["links"] == [
        ("order-1", 1, 0, digest(records[0].value), request_key("request-1"), command, None, 0),
        ("order-1", 1, 1, digest(records[1].value), request_key("request-2"), command, None, 1),
        ("order-1", 2, 2, digest(records[2].value), request_key("request-3"), command, folded_time, 0),
    ]


async def test_refusal_changes_neither_state_nor_version_and_has_no_event(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_refusal("order-1")
    builder.add_fact("order-1", PLACED)
    builder.add_refusal("order-1")
    orders, history = await project_records(builder, tmp_path)
    [(_, version, head, parked, _, _, state, *_)] = orders["orders"]
    assert (version, head, parked) == (1, builder.head("order-1"), None)
    assert [(event.order_version, event.WhichOneof("event")) for event in stored_events(history)] == [
        (1, "order_placed")
    ]
    assert Order.FromString(state) == fold(stored_events(history))
    assert orders["ordertrail_verdicts"] == history["ordertrail_verdicts"] == [(0, "fact", 1), (0, "refusal", 2)]


async def test_refusal_that_names_an_older_link_is_void(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", PLUM_ADDED)
    builder.add_late_refusal("order-1", follows=1)
    orders, _ = await project_records(builder, tmp_path)
    assert [row[:3] for row in orders["not_links"]] == [(2, "void", "order-1")]


async def test_event_is_stored_as_clients_receive_it(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", PLUM_ADDED)
    _, history = await project_records(builder, tmp_path)
    assert [row[:6] for row in history["events"]] == [
        (0, "order-1", 1, "shop-1", ORDER_EVENT_TYPE_ORDER_PLACED, 1_750_000_001 * 10**9),
        (1, "order-1", 2, "shop-1", ORDER_EVENT_TYPE_ORDER_LINE_ADDED, 1_750_000_002 * 10**9),
    ]
    order_placed, line_added = stored_events(history)
    assert (order_placed.order_placed, line_added.order_line_added) == (PLACED, PLUM_ADDED)
    assert (line_added.position.topic, line_added.position.partition, line_added.position.offset) == (
        "orders.events",
        0,
        1,
    )
    assert (line_added.previous, line_added.digest) == (order_placed.digest, builder.head("order-1"))
    assert line_added.written_version == version_of(message_of(NEWEST["OrderLineAdded"]))


async def test_event_of_an_older_version_is_copied_in_the_newest_version(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_statement("order-1")
    orders, history = await project_records(builder, tmp_path)
    [event] = stored_events(history)
    assert (event.order_placed.customer_id, event.written_version) == ("shop-2", 1)
    assert orders["order_products"] == [("fig", "order-1")]


async def test_product_rows_hold_present_lines_and_products_that_events_name(tmp_path: Path) -> None:
    builder = LogBuilder()
    for event in (PLACED, PLUM_ADDED, remove("apple")):
        builder.add_fact("order-1", event)
    orders, history = await project_records(builder, tmp_path)
    assert orders["order_products"] == [("pear", "order-1"), ("plum", "order-1")]
    assert history["event_products"] == [("apple", 0), ("apple", 2), ("pear", 0), ("plum", 1)]


async def test_within_an_order_time_never_goes_back(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED, seconds=2_000)
    builder.add_fact("order-1", PLUM_ADDED, seconds=1_000)
    _, history = await project_records(builder, tmp_path)
    assert [row[5] for row in history["events"]] == [2_000 * 10**9, 2_000 * 10**9]
    assert [event.record_time.seconds for event in stored_events(history)] == [2_000, 2_000]


@pytest.mark.parametrize("seconds", [-62_135_596_800, 253_402_300_799, 9_223_372_036])
async def test_time_beyond_64_bits_is_clamped_in_the_row_and_sent_unchanged(tmp_path: Path, seconds: int) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED, seconds=seconds)
    _, history = await project_records(builder, tmp_path)
    assert stored_events(history)[0].record_time.seconds == seconds
    assert history["events"][0][5] == max(-(2**63) + 1, min(2**63 - 1, seconds * 10**9))


async def test_records_without_effect_are_stored_with_their_verdict(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", PLUM_ADDED)
    builder.add_repetition("order-1", version=1)
    builder.add_late_record("order-1", follows=1)
    builder.add_unreadable_record("order-1")
    builder.add_record_under_key("order-1", key="order-2")
    builder.add_barrier("order-1")
    orders, _ = await project_records(builder, tmp_path)
    assert [row[:4] for row in orders["not_links"]] == [
        (2, "void", "order-1", "it claims version 1, but its order was at version 2"),
        (3, "void", "order-1", "it claims version 2, but its order was at version 2"),
        (4, "foreign", None, "its value is not a readable record"),
        (5, "foreign", None, "its key is not the order id that it names"),
        (6, "barrier", None, "a server appended it to find the end of the partition"),
    ]
    assert orders["orders"][0][:4] == ("order-1", 2, builder.head("order-1"), None)


async def test_record_in_a_partition_of_other_orders_is_foreign(tmp_path: Path) -> None:
    builder = LogBuilder(partitions=3)
    builder.add_fact("order-1", PLACED)
    builder.add_misplaced_record("order-1")
    orders, _ = await project_records(builder, tmp_path)
    assert [row[1:4] for row in orders["not_links"]] == [("foreign", None, "its order belongs to another partition")]
    assert [row[1] for row in orders["orders"]] == [1]


async def test_order_ids_of_any_text_are_distinct(tmp_path: Path) -> None:
    ids = ["ordér-1", "a\x00b", "a", 'quote"d', "\u2028", "🙂"]
    builder = LogBuilder()
    for event in (PLACED, PLUM_ADDED, CONFIRMED):
        for order_id in ids:
            builder.add_fact(order_id, event)
    orders, history = await project(await create_log(builder), tmp_path, batch=4, cache_bytes=0)
    assert {row[0]: row[1] for row in orders["orders"]} == dict.fromkeys(ids, 3)
    assert {row[1]: row[2] for row in sorted(history["events"])} == dict.fromkeys(ids, 3)
