from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.values import amount_of, date_of, day, line, moment, money


@pytest.mark.parametrize(
    ("amount", "units", "nanos"),
    [
        ("5.20", 5, 200_000_000),
        ("0.1", 0, 100_000_000),
        (Decimal("0.000000001"), 0, 1),
        (3, 3, 0),
        ("1E+3", 1000, 0),
        ("1000000000000.999999999", 1_000_000_000_000, 999_999_999),
        ("0", 0, 0),
    ],
)
def test_money_is_exact(amount: Any, units: int, nanos: int) -> None:
    assert money(amount, "EUR") == Money(currency_code="EUR", units=units, nanos=nanos)


def test_money_of_a_float_is_refused_because_it_is_not_exact() -> None:
    with pytest.raises(TypeError, match="float"):
        money(5.2, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "amount", ["0.0000000001", "1.0000000000000000000000000000000000001", "five", "NaN", "Infinity", "-0.01", ""]
)
def test_what_is_no_amount_or_too_fine_is_refused_never_rounded(amount: str) -> None:
    with pytest.raises(ValueError, match=r"amount|negative"):
        money(amount, "EUR")


@pytest.mark.parametrize(
    ("text", "shown"), [("5.2", "5.20"), ("1000", "1000.00"), ("0.005", "0.005"), ("1234567890123", "1234567890123.00")]
)
def test_an_amount_reads_back_exactly_with_at_least_two_decimals(text: str, shown: str) -> None:
    assert f"{amount_of(money(text, 'EUR')):f}" == shown


def test_a_line_holds_product_quantity_and_price() -> None:
    ordered = line("p_1", 3, "5.20", "EUR")
    assert (ordered.product_id, ordered.quantity, ordered.unit_price) == ("p_1", 3, money("5.20", "EUR"))


def test_a_day_is_a_date_and_back() -> None:
    assert day(date(2026, 2, 28)) == Date(year=2026, month=2, day=28)
    assert date_of(day(date(2026, 2, 28))) == date(2026, 2, 28)


def test_the_day_of_a_datetime_is_refused_because_it_depends_on_a_time_zone() -> None:
    with pytest.raises(TypeError, match="time zone"):
        day(datetime(2026, 2, 28, tzinfo=UTC))


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 2, 28))
