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


def test_money_refuses_float() -> None:
    with pytest.raises(TypeError, match="float"):
        money(5.2, "EUR")  # type: ignore[arg-type]  # as a caller may err


@pytest.mark.parametrize(
    "amount", ["0.0000000001", "1.0000000000000000000000000000000000001", "five", "NaN", "Infinity", "-0.01", ""]
)
def test_money_refuses_invalid_or_too_precise_amount(amount: str) -> None:
    with pytest.raises(ValueError, match=r"amount|negative"):
        money(amount, "EUR")


@pytest.mark.parametrize(
    ("text", "amount_text"),
    [("5.2", "5.20"), ("1000", "1000.00"), ("0.005", "0.005"), ("1234567890123", "1234567890123.00")],
)
def test_amount_is_read_exactly_with_at_least_two_decimals(text: str, amount_text: str) -> None:
    assert f"{amount_of(money(text, 'EUR')):f}" == amount_text


def test_line_has_product_quantity_and_price() -> None:
    ordered_line = line("p_1", 3, "5.20", "EUR")
    assert (ordered_line.product_id, ordered_line.quantity, ordered_line.unit_price) == ("p_1", 3, money("5.20", "EUR"))


def test_day_converts_to_date_and_back() -> None:
    assert day(date(2026, 2, 28)) == Date(year=2026, month=2, day=28)
    assert date_of(day(date(2026, 2, 28))) == date(2026, 2, 28)


def test_day_refuses_datetime() -> None:
    with pytest.raises(TypeError, match="time zone"):
        day(datetime(2026, 2, 28, tzinfo=UTC))


def test_moment_refuses_datetime_without_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 2, 28))
