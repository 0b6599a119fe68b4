"""Values of version 1 read as public values."""

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given, settings, strategies as st

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.v1 import order_events_pb2 as public
from ordertrail_server.schema import v1_values
from ordertrail_server.schema.statements import read_statement
from ordertrail_server.schema.upcasting import CannotUpcast


def flat(**stated: object) -> v1.OrderPlaced:
    return ParseDict({"productId": "p", "quantity": 2, **stated}, v1.OrderPlaced())


def created(**stated: object) -> v1.OrderCreated:
    return ParseDict({"items": [{"productId": "p", "quantity": 2}], **stated}, v1.OrderCreated())


def date(year: int, month: int, day: int) -> dict[str, int]:
    return {"year": year, "month": month, "day": day}


def meaning(**expected: object) -> public.OrderPlaced:
    return ParseDict({"lines": [{"productId": "p", "quantity": 2}], **expected}, public.OrderPlaced())


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (flat(), meaning()),
        (flat(id=0), meaning(source={"reference": "0"})),
        (flat(id=17), meaning(source={"reference": "17"})),
        (flat(id=-1), meaning(source={"reference": "-1"})),
        (flat(company="shop"), meaning(customerId="shop")),
        (flat(company=""), meaning()),
        (flat(quantity=0), meaning(lines=[{"productId": "p", "quantity": 0}])),
        (flat(quantity=-3), meaning(lines=[{"productId": "p", "quantity": -3}])),
        (flat(timestamp=1553000000000), meaning(source={"publishTime": "2019-03-19T12:53:20Z"})),
        (flat(timestamp=0), meaning(source={"publishTime": "1970-01-01T00:00:00Z"})),
        (flat(timestamp=-1), meaning(source={"publishTime": "1969-12-31T23:59:59.999Z"})),
        (flat(otherJson='{"a":1.10}'), meaning(source={"otherJson": '{"a":1.10}'})),
    ],
)
def test_order_of_the_first_producer_reads_as_a_public_order(
    stated: v1.OrderPlaced, expected: public.OrderPlaced
) -> None:
    assert read_statement(stated) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (created(orderId="order001"), meaning()),
        (created(customerId="shop"), meaning(customerId="shop")),
        (created(customerId=""), meaning()),
        (created(creationDate="2019-03-01T10:15:30.123Z"), meaning(source={"createTime": "2019-03-01T10:15:30.123Z"})),
        (created(timestamp="2019-03-01T10:15:31.000Z"), meaning(source={"publishTime": "2019-03-01T10:15:31Z"})),
        (
            created(expectedDeliveryDate="03/15/2019"),
            meaning(expectedDeliveryDate={"year": 2019, "month": 3, "day": 15}),
        ),
        (created(expectedDeliveryDate="2/9/2020"), meaning(expectedDeliveryDate=date(2020, 2, 9))),
        (created(status="pending"), meaning(source={"status": "ORDER_STATUS_PLACED"})),
        (created(status="Lost at Sea "), meaning(source={"statusText": "Lost at Sea "})),
        (created(status=" "), meaning()),
        (created(otherJson='{"a":1.10}'), meaning(source={"otherJson": '{"a":1.10}'})),
        (
            created(items=[{"productId": "p", "quantity": 1}, {"productId": "q", "quantity": 2}]),
            meaning(lines=[{"productId": "p", "quantity": 1}, {"productId": "q", "quantity": 2}]),
        ),
    ],
)
def test_order_of_the_second_producer_reads_as_a_public_order(
    stated: v1.OrderCreated, expected: public.OrderPlaced
) -> None:
    assert read_statement(stated) == expected


def test_unmodelled_item_members_are_listed_under_items_in_order() -> None:
    stated = created(
        items=[{"productId": "p", "quantity": 1}, {"productId": "q", "quantity": 2, "otherJson": '{"size":1.10}'}],
        otherJson='{"order":{"urgent":true}}',
    )
    assert read_statement(stated).source.other_json == '{"order":{"urgent":true},"items":[{},{"size":1.10}]}'


@pytest.mark.parametrize(
    ("stated", "units", "nanos"),
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
def test_double_price_reads_as_its_shortest_decimal_without_currency(stated: float, units: int, nanos: int) -> None:
    line = read_statement(v1.OrderPlaced(product_id="p", quantity=1, unit_price=stated)).lines[0]
    assert (line.unit_price.currency_code, line.unit_price.units, line.unit_price.nanos) == ("XXX", units, nanos)


@given(st.integers(0, 10**9), st.integers(0, 99))
@settings(max_examples=60)
def test_price_in_cents_is_exact(units: int, cents: int) -> None:
    price = v1_values.price(float(f"{units}.{cents:02}"))
    assert (price.units, price.nanos) == (units, cents * 10_000_000)


def test_absent_price_stays_absent() -> None:
    assert not read_statement(flat()).lines[0].HasField("unit_price")


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
            expected = meaning(source={"status": f"ORDER_STATUS_{status}"})
            assert read_statement(created(status=spelling)) == expected, spelling


@pytest.mark.parametrize(
    ("stated", "expected"),
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
def test_time_reads_as_an_instant_with_any_utc_offset(stated: str, expected: str) -> None:
    assert read_statement(created(timestamp=stated)) == meaning(source={"publishTime": expected})


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (v1.OrderPlaced(quantity=1), "productId is missing"),
        (v1.OrderPlaced(product_id="", quantity=1), "productId is missing"),
        (v1.OrderPlaced(product_id="p"), "quantity is missing"),
        (flat(unitPrice="NaN"), "unitPrice nan is no amount from 0 to one trillion"),
        (flat(unitPrice="Infinity"), "unitPrice inf is no amount from 0 to one trillion"),
        (flat(unitPrice=-0.01), "unitPrice -0.01 is no amount from 0 to one trillion"),
        (flat(unitPrice=1e13), "unitPrice 10000000000000.0 is no amount from 0 to one trillion"),
        (flat(timestamp=2**62), "timestamp 4611686018427387904 lies outside of the years 1 to 9999"),
        (created(items=[]), "order.items is empty"),
        (created(items=[{"quantity": 1}]), "order.items[0].productID is missing"),
        (created(items=[{"productId": "p"}]), "order.items[0].quantity is missing"),
        (created(creationDate="yesterday"), 'order.creationDate "yesterday" is no ISO 8601 time with a time zone'),
        (
            created(creationDate="2019-03-01T10:15:30"),
            'order.creationDate "2019-03-01T10:15:30" is no ISO 8601 time with a time zone',
        ),
        (created(timestamp="2019-03-01T10:15.5Z"), 'timestamp "2019-03-01T10:15.5Z" has a fraction of a minute'),
        (
            created(timestamp="0001-01-01T00:00:00+01:00"),
            'timestamp "0001-01-01T00:00:00+01:00" lies outside of the years 1 to 9999',
        ),
        (
            created(items=[{"productId": "p", "quantity": 1, "otherJson": "{"}]),
            "the remaining JSON of the order is not JSON from character 1 on",
        ),
        (
            created(items=[{"productId": "p", "quantity": 1, "otherJson": "{}"}], otherJson='{"items":1}'),
            "items is outside of order",
        ),
    ],
)
def test_value_without_a_reading_is_refused_by_name(stated: v1.OrderPlaced | v1.OrderCreated, reason: str) -> None:
    with pytest.raises(CannotUpcast) as refused:
        read_statement(stated)
    assert str(refused.value) == reason


@pytest.mark.parametrize("stated", ["15/03/2019", "2/30/2019", "1/1/0000", "2019-03-15", "3/15/19", "٣/15/2019", ""])
def test_text_that_is_no_day_is_refused_by_name(stated: str) -> None:
    with pytest.raises(CannotUpcast) as refused:
        read_statement(created(expectedDeliveryDate=stated))
    assert str(refused.value) == f'order.expectedDeliveryDate "{stated}" is no day written month/day/year'


@pytest.mark.parametrize(
    "stated",
    [
        "2019-02-30T10:15:30Z",
        "2019-03-01T10:15:60Z",
        "2019-03-01T10:15:30+99:00",
        "2016-12-31T23:59:61Z",
        "2016-12-31T23:59:60+01:00",
        "2016-02-30T23:59:60Z",
    ],
)
def test_time_outside_of_the_calendar_is_refused_by_name(stated: str) -> None:
    with pytest.raises(CannotUpcast) as refused:
        read_statement(created(timestamp=stated))
    assert str(refused.value) == f'timestamp "{stated}" is no time of the calendar'


@pytest.mark.parametrize("member", ["creationDate", "timestamp"])
def test_leap_second_is_read_in_every_time_member(member: str) -> None:
    name = {"creationDate": "createTime", "timestamp": "publishTime"}[member]
    stated = created(**{member: "2016-12-31T23:59:60Z"})
    assert read_statement(stated) == meaning(source={name: "2017-01-01T00:00:00Z"})


def test_leap_second_after_the_last_year_is_refused() -> None:
    with pytest.raises(CannotUpcast, match="lies outside of the years 1 to 9999"):
        read_statement(created(timestamp="9999-12-31T23:59:60Z"))
