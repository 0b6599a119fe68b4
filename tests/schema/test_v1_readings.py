"""Values of version 1 read as public values."""

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given, settings, strategies as st

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.v1 import order_events_pb2 as public
from ordertrail_server.schema import v1_values
from ordertrail_server.schema.statements import read_statement
from ordertrail_server.schema.upcasting import CannotUpcast


def build_flat_order(**statement: object) -> v1.OrderPlaced:
    return ParseDict({"productId": "p", "quantity": 2, **statement}, v1.OrderPlaced())


def build_created_order(**statement: object) -> v1.OrderCreated:
    return ParseDict({"items": [{"productId": "p", "quantity": 2}], **statement}, v1.OrderCreated())


def build_date(year: int, month: int, day: int) -> dict[str, int]:
    return {"year": year, "month": month, "day": day}


def build_meaning(**expected: object) -> public.OrderPlaced:
    return ParseDict({"lines": [{"productId": "p", "quantity": 2}], **expected}, public.OrderPlaced())


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (build_flat_order(), build_meaning()),
        (build_flat_order(id=0), build_meaning(source={"reference": "0"})),
        (build_flat_order(id=17), build_meaning(source={"reference": "17"})),
        (build_flat_order(id=-1), build_meaning(source={"reference": "-1"})),
        (build_flat_order(company="shop"), build_meaning(customerId="shop")),
        (build_flat_order(company=""), build_meaning()),
        (build_flat_order(quantity=0), build_meaning(lines=[{"productId": "p", "quantity": 0}])),
        (build_flat_order(quantity=-3), build_meaning(lines=[{"productId": "p", "quantity": -3}])),
        (build_flat_order(timestamp=1553000000000), build_meaning(source={"publishTime": "2019-03-19T12:53:20Z"})),
        (build_flat_order(timestamp=0), build_meaning(source={"publishTime": "1970-01-01T00:00:00Z"})),
        (build_flat_order(timestamp=-1), build_meaning(source={"publishTime": "1969-12-31T23:59:59.999Z"})),
        (build_flat_order(otherJson='{"a":1.10}'), build_meaning(source={"otherJson": '{"a":1.10}'})),
    ],
)
def test_order_of_the_first_producer_reads_as_a_public_order(
    statement: v1.OrderPlaced, expected: public.OrderPlaced
) -> None:
    assert read_statement(statement) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (build_created_order(orderId="order001"), build_meaning()),
        (build_created_order(customerId="shop"), build_meaning(customerId="shop")),
        (build_created_order(customerId=""), build_meaning()),
        (
            build_created_order(creationDate="2019-03-01T10:15:30.123Z"),
            build_meaning(source={"createTime": "2019-03-01T10:15:30.123Z"}),
        ),
        (
            build_created_order(timestamp="2019-03-01T10:15:31.000Z"),
            build_meaning(source={"publishTime": "2019-03-01T10:15:31Z"}),
        ),
        (
            build_created_order(expectedDeliveryDate="03/15/2019"),
            build_meaning(expectedDeliveryDate={"year": 2019, "month": 3, "day": 15}),
        ),
        (
            build_created_order(expectedDeliveryDate="2/9/2020"),
            build_meaning(expectedDeliveryDate=build_date(2020, 2, 9)),
        ),
        (build_created_order(status="pending"), build_meaning(source={"status": "ORDER_STATUS_PLACED"})),
        (build_created_order(status="Lost at Sea "), build_meaning(source={"statusText": "Lost at Sea "})),
        (build_created_order(status=" "), build_meaning()),
        (build_created_order(otherJson='{"a":1.10}'), build_meaning(source={"otherJson": '{"a":1.10}'})),
        (
            build_created_order(items=[{"productId": "p", "quantity": 1}, {"productId": "q", "quantity": 2}]),
            build_meaning(lines=[{"productId": "p", "quantity": 1}, {"productId": "q", "quantity": 2}]),
        ),
    ],
)
def test_order_of_the_second_producer_reads_as_a_public_order(
    statement: v1.OrderCreated, expected: public.OrderPlaced
) -> None:
    assert read_statement(statement) == expected


def test_unknown_item_members_are_listed_under_items_in_order() -> None:
    statement = build_created_order(
        items=[{"productId": "p", "quantity": 1}, {"productId": "q", "quantity": 2, "otherJson": '{"size":1.10}'}],
        otherJson='{"order":{"urgent":true}}',
    )
    assert read_statement(statement).source.other_json == '{"order":{"urgent":true},"items":[{},{"size":1.10}]}'


@pytest.mark.parametrize(
    ("price", "units", "nanos"),
    [
        (0.0, 0, 0),
        (-0.0, 0, 0),
        (5.0, 5, 0),
        (0.1, 0, 100_000_000),
        (19.99, 19, 990_000_000),
        (0.1 + 0.2, 0, 300_000_000),
        (1.2345678905e0, 1, 234_567_890),
        (1.2345678915e0, 1, 234_567_892),
        (5e-324, 0, 0),
        (0.9999999999, 1, 0),
        (1e12, 1_000_000_000_000, 0),
        (123456789012.34, 123_456_789_012, 340_000_000),
    ],
)
def test_double_price_reads_as_its_shortest_decimal_without_currency(price: float, units: int, nanos: int) -> None:
    line = read_statement(v1.OrderPlaced(product_id="p", quantity=1, unit_price=price)).lines[0]
    assert (line.unit_price.currency_code, line.unit_price.units, line.unit_price.nanos) == ("XXX", units, nanos)


@given(st.integers(0, 10**9), st.integers(0, 99))
@settings(max_examples=60)
def test_price_in_cents_is_exact(units: int, cents: int) -> None:
    price = v1_values.price(float(f"{units}.{cents:02}"))
    assert (price.units, price.nanos) == (units, cents * 10_000_000)


def test_absent_price_stays_absent() -> None:
    assert not read_statement(build_flat_order()).lines[0].HasField("unit_price")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("new, created, placed, pending, open, submitted, received", "PLACED"),
        ("confirmed, accepted, approved, booked, assigned", "CONFIRMED"),
        ("shipped, dispatched, sent, in transit, in-transit", "SHIPPED"),
        ("delivered, completed, complete, closed", "DELIVERED"),
        ("cancelled, canceled, rejected, aborted", "CANCELLED"),
        ("returned", "RETURNED"),
    ],
)
def test_known_status_words_are_read_in_any_letter_case(words: str, status: str) -> None:
    for word in words.split(", "):
        for spelling in (word, word.upper(), f" {word.title()} "):
            expected = build_meaning(source={"status": f"ORDER_STATUS_{status}"})
            assert read_statement(build_created_order(status=spelling)) == expected, spelling


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-03-01T10:15:30Z", "2019-03-01T10:15:30Z"),
        ("2019-03-01T10:15Z", "2019-03-01T10:15:00Z"),
        ("2019-03-01t10:15:30z", "2019-03-01T10:15:30Z"),
        ("2019-03-01 10:15:30,5+00:00", "2019-03-01T10:15:30.500Z"),
        ("2019-03-01T10:15:30.123456789Z", "2019-03-01T10:15:30.123456789Z"),
        ("2019-03-01T10:15:30.25+0130", "2019-03-01T08:45:30.250Z"),
        ("2019-03-01T10:15:30-05:00", "2019-03-01T15:15:30Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2015-06-30t23:59:60.25z", "2015-07-01T00:00:00.250Z"),
        ("2019-03-01 23:59:60,999999999Z", "2019-03-02T00:00:00.999999999Z"),
        ("2016-02-28T23:59:60+00:00", "2016-02-29T00:00:00Z"),
        ("2016-12-31T18:59:60-05:00", "2017-01-01T00:00:00Z"),
        ("2017-01-01T05:29:60+0530", "2017-01-01T00:00:00Z"),
    ],
)
def test_time_reads_as_an_instant_with_any_utc_offset(text: str, expected: str) -> None:
    assert read_statement(build_created_order(timestamp=text)) == build_meaning(source={"publishTime": expected})


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (v1.OrderPlaced(quantity=1), "productId is missing"),
        (v1.OrderPlaced(product_id="", quantity=1), "productId is missing"),
        (v1.OrderPlaced(product_id="p"), "quantity is missing"),
        (build_flat_order(unitPrice="NaN"), "unitPrice nan is not an amount from 0 to one trillion"),
        (build_flat_order(unitPrice="Infinity"), "unitPrice inf is not an amount from 0 to one trillion"),
        (build_flat_order(unitPrice=-0.01), "unitPrice -0.01 is not an amount from 0 to one trillion"),
        (build_flat_order(unitPrice=1e13), "unitPrice 10000000000000.0 is not an amount from 0 to one trillion"),
        (build_flat_order(timestamp=2**62), "timestamp 4611686018427387904 lies outside of the years 1 to 9999"),
        (build_created_order(items=[]), "order.items is empty"),
        (build_created_order(items=[{"quantity": 1}]), "order.items[0].productID is missing"),
        (build_created_order(items=[{"productId": "p"}]), "order.items[0].quantity is missing"),
        (
            build_created_order(creationDate="yesterday"),
            'order.creationDate "yesterday" is not an ISO 8601 time with a time zone',
        ),
        (
            build_created_order(creationDate="2019-03-01T10:15:30"),
            'order.creationDate "2019-03-01T10:15:30" is not an ISO 8601 time with a time zone',
        ),
        (
            build_created_order(timestamp="2019-03-01T10:15.5Z"),
            'timestamp "2019-03-01T10:15.5Z" has a fraction of a minute',
        ),
        (
            build_created_order(timestamp="0001-01-01T00:00:00+01:00"),
            'timestamp "0001-01-01T00:00:00+01:00" lies outside of the years 1 to 9999',
        ),
        (
            build_created_order(items=[{"productId": "p", "quantity": 1, "otherJson": "{"}]),
            "the remaining JSON of the order is not JSON from character 1 on",
        ),
        (
            build_created_order(items=[{"productId": "p", "quantity": 1, "otherJson": "{}"}], otherJson='{"items":1}'),
            "items is outside of order",
        ),
    ],
)
def test_value_without_a_reading_is_refused_by_name(statement: v1.OrderPlaced | v1.OrderCreated, reason: str) -> None:
    with pytest.raises(CannotUpcast) as error:
        read_statement(statement)
    assert str(error.value) == reason


@pytest.mark.parametrize("text", ["15/03/2019", "2/30/2019", "1/1/0000", "2019-03-15", "3/15/19", "٣/15/2019", ""])
def test_text_that_is_no_day_is_refused_by_name(text: str) -> None:
    with pytest.raises(CannotUpcast) as error:
        read_statement(build_created_order(expectedDeliveryDate=text))
    assert str(error.value) == f'order.expectedDeliveryDate "{text}" is not a day written month/day/year'


@pytest.mark.parametrize(
    "text",
    [
        "2019-02-30T10:15:30Z",
        "2019-03-01T10:15:60Z",
        "2019-03-01T10:15:30+99:00",
        "2016-12-31T23:59:61Z",
        "2016-12-31T23:59:60+01:00",
        "2016-02-30T23:59:60Z",
    ],
)
def test_time_outside_of_the_calendar_is_refused_by_name(text: str) -> None:
    with pytest.raises(CannotUpcast) as error:
        read_statement(build_created_order(timestamp=text))
    assert str(error.value) == f'timestamp "{text}" is not a time of the calendar'


@pytest.mark.parametrize("member", ["creationDate", "timestamp"])
def test_leap_second_is_read_in_every_time_member(member: str) -> None:
    name = {"creationDate": "createTime", "timestamp": "publishTime"}[member]
    statement = build_created_order(**{member: "2016-12-31T23:59:60Z"})
    assert read_statement(statement) == build_meaning(source={name: "2017-01-01T00:00:00Z"})


def test_leap_second_after_the_last_year_is_refused() -> None:
    with pytest.raises(CannotUpcast, match="lies outside of the years 1 to 9999"):
        read_statement(build_created_order(timestamp="9999-12-31T23:59:60Z"))
