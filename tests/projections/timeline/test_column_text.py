"""Every value has a readable text, and texts of times sort like the times."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_pb2 import Order, OrderLine
from ordertrail_server.orders.time_text import time_text
from ordertrail_server.projections.timeline.column_text import (
    amount_text,
    delivery_date_text,
    shipped_total,
    status_text,
)
from ordertrail_server.projections.timeline.tables import FOREVER

INTEGERS = st.integers(-(2**63), 2**63 - 1)
SECOND = 1_000_000_000


@given(times=st.lists(INTEGERS, min_size=2, max_size=2))
def test_texts_of_times_have_one_width_and_sort_like_the_times(times: list[int]) -> None:
    first, last = sorted(times)
    assert len(time_text(first)) == len(time_text(last)) == len(FOREVER)
    assert time_text(first) <= time_text(last) < FOREVER
    assert (time_text(first) == time_text(last)) == (first == last)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (int(datetime(2026, 3, 15, 12, tzinfo=UTC).timestamp()) * SECOND + 7, "2026-03-15T12:00:00.000000007Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
    ],
)
def test_text_of_a_time_has_nine_digits_after_the_second(time: int, text: str) -> None:
    assert time_text(time) == text


@given(units=INTEGERS, nanos=st.integers(-(2**31), 2**31 - 1))
def test_text_of_an_amount_is_exact_and_has_two_decimals_at_least(units: int, nanos: int) -> None:
    text = amount_text(units, nanos)
    assert Decimal(text) == Decimal(units * SECOND + nanos).scaleb(-9)
    decimals = text.partition(".")[2]
    assert len(decimals) == 2 or (2 < len(decimals) <= 9 and not text.endswith("0"))


@pytest.mark.parametrize(
    ("units", "nanos", "text"), [(5, 200_000_000, "5.20"), (0, 125_000_000, "0.125"), (-1, 0, "-1.00")]
)
def test_text_of_an_amount_has_as_many_decimals_as_it_needs(units: int, nanos: int, text: str) -> None:
    assert amount_text(units, nanos) == text


def test_day_that_the_calendar_lacks_is_shown_as_recorded() -> None:
    order = Order(expected_delivery_date=Date(year=2026, month=2, day=30))
    assert delivery_date_text(order) == "2026-02-30"
    assert delivery_date_text(Order()) is None


def test_status_of_a_newer_release_is_shown_as_its_number() -> None:
    assert (status_text(3), status_text(99)) == ("PARTLY_SHIPPED", "99")


def test_sum_of_shipped_quantities_is_clamped_to_64_bits() -> None:
    for quantity in (2**63 - 1, -(2**63)):
        order = Order(lines=[OrderLine(shipped_quantity=quantity)] * 2)
        assert abs(shipped_total(order)) == 2**63 - 1
