"""When a delivery that failed is attempted again."""

import pytest

from ordertrail_server.webhooks.retry import MAX_ATTEMPTS, MAX_DELAY_S, retry_delay
from ordertrail_server.webhooks.retry_after import parse_retry_after


def test_limit_of_the_delay_grows_until_it_is_six_hours() -> None:
    limits = [retry_delay(attempt, 1.0, 0.0) for attempt in (1, 2, 3, 8, 9, 10**9)]
    assert limits == [1, 4, 16, 16384, MAX_DELAY_S, MAX_DELAY_S]


def test_random_share_of_the_limit_is_used() -> None:
    assert [retry_delay(3, share, 0.0) for share in (0.0, 0.25, 1.0)] == [0, 4, 16]


def test_delays_of_a_delivery_add_up_to_about_two_days() -> None:
    hours = sum(retry_delay(attempt, 1.0, 0.0) for attempt in range(1, MAX_ATTEMPTS)) / 3600
    assert 47 < hours < 49


def test_receiver_is_left_alone_as_long_as_it_asks_within_an_hour() -> None:
    assert retry_delay(1, 0.5, 120.0) == 120
    assert retry_delay(1, 0.5, 1e9) == 3600
    assert retry_delay(9, 1.0, 120.0) == MAX_DELAY_S


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("-5", 0),
        ("1.5", 0),
        ("٣", 0),
        ("9" * 400, 999_999_999),
        ("soon", 0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20),
        ("Thu, 01 Jan 1970 00:02:00 -0000", 20),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", 0),
        ("Feb 99999999999999999999 1 12.30.10 0001 PM", 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 0),
    ],
)
def test_header_is_a_number_of_seconds_or_a_date(text: str, seconds: float) -> None:
    if text.startswith("Fri"):
        assert parse_retry_after(text, 100.0) > 0
    else:
        assert parse_retry_after(text, 100.0) == seconds
