"""A request becomes an attempt, with ids and with the digest that identifies a retry."""

import asyncio
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.commands.sample_requests import (
    VERBS,
    build_change_quantity,
    build_confirm_order,
    build_line,
    build_place_order,
    new_id,
)

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail_server.access.rights import FULL_RIGHTS
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.prepare import Caller, derive_id, prepare, prepare_import

UNKNOWN_FIELD = b"\xf8\x07\x01"  # field 127 = 1
UUID7 = "0190a5b2-7c3d-7e4f-8a1b-2c3d4e5f6a7b"


def prepare_request(request: Any) -> Attempt:
    copy = type(request)()
    copy.CopyFrom(request)
    answer: asyncio.Future[Any] = asyncio.Future(loop=_NO_LOOP)
    return prepare(copy, answer, Caller(FULL_RIGHTS, "clerk", traceparent="00-trace"), new_id)


_NO_LOOP = asyncio.new_event_loop()
_NO_LOOP.close()


@pytest.mark.parametrize("verb", VERBS)
def test_digest_excludes_request_id_expected_version_and_validate_only(verb: Any) -> None:
    plain = prepare_request(verb(order_id="order-1"))
    conditional = prepare_request(verb(order_id="order-1", request_id="named", expected_version=3, validate_only=True))
    assert conditional.digest == plain.digest
    assert (conditional.request_id, conditional.expected_version, conditional.validate_only) == ("named", 3, True)
    assert (plain.expected_version, plain.validate_only) == (None, False)


def test_expected_version_0_differs_from_none() -> None:
    assert prepare_request(build_place_order(expected_version=0)).expected_version == 0
    assert prepare_request(build_place_order()).expected_version is None


@pytest.mark.parametrize(
    "command",
    [
        build_place_order(order_id="order-2"),
        build_place_order(order_id=""),
        build_place_order(customer_id="shop-2"),
        build_place_order(lines=[build_line("pear")]),
        build_place_order(lines=[build_line(), build_line("pear")]),
        build_place_order(expected_delivery_date=Date(year=2030, month=1, day=2)),
        build_confirm_order("place"),
    ],
)
def test_different_commands_have_different_digests(command: Any) -> None:
    assert prepare_request(command).digest != prepare_request(build_place_order()).digest


def add_unknown_fields(request: Any) -> Any:
    """Return the request with unknown fields in itself and in its first line, as a newer client sends it."""
    copy = type(request)()
    copy.CopyFrom(request)
    copy.lines[0].MergeFromString(UNKNOWN_FIELD)
    copy.MergeFromString(UNKNOWN_FIELD)
    return copy


def test_unknown_fields_are_in_digest_but_not_in_command() -> None:
    extended = prepare_request(add_unknown_fields(build_place_order()))
    assert extended.command == prepare_request(build_place_order()).command
    assert extended.digest == prepare_request(add_unknown_fields(build_place_order(expected_version=3))).digest
    assert extended.digest != prepare_request(build_place_order()).digest


def test_verbs_with_equal_fields_have_different_digests() -> None:
    digests = {prepare_request(verb(order_id="order-1")).digest for verb in VERBS}
    assert len(digests) == len(VERBS) == 10


def test_attempt_names_caller_and_trace() -> None:
    attempt = prepare_request(build_change_quantity("change", 2))
    assert (attempt.actor, attempt.traceparent) == ("clerk", "00-trace")


def test_request_without_id_gets_a_new_one_each_time() -> None:
    first, second = prepare_request(build_confirm_order("")), prepare_request(build_confirm_order(""))
    assert first.request_id
    assert first.request_id != second.request_id
    assert not first.is_new_order


def test_retry_of_place_order_without_order_id_finds_same_order() -> None:
    first, replay = (
        prepare_request(build_place_order(order_id="")),
        prepare_request(build_place_order(order_id="", expected_version=0)),
    )
    assert first.order_id == replay.order_id
    assert not first.is_new_order


def test_only_order_with_generated_request_id_is_new() -> None:
    assert prepare_request(build_place_order("", "")).is_new_order
    assert not prepare_request(build_place_order("place", "")).is_new_order
    assert not prepare_request(build_place_order("", "order-1")).is_new_order


def test_orders_of_different_customers_and_requests_have_different_ids() -> None:
    ids = {derive_id(customer, request) for customer in ("a", "b", "ab") for request in ("", "b", UUID7)}
    assert len(ids) == 9


def test_order_id_begins_with_time_of_uuid7_request_id() -> None:
    assert derive_id("shop-1", UUID7).startswith(UUID7[:13])
    later = derive_id("shop-1", "0190a5b2-7c3e" + UUID7[13:])
    assert derive_id("shop-1", UUID7) < later


@given(customer=st.text(), request=st.one_of(st.text(), st.uuids().map(str), st.from_regex(r".{8}-.{4}-7.{21}")))
def test_derived_order_id_is_a_stable_uuid8(customer: str, request: str) -> None:
    order_id = derive_id(customer, request)
    assert str(UUID(order_id)) == order_id
    assert UUID(order_id).version == 8
    assert derive_id(customer, request) == order_id


def test_digest_of_imported_statement_covers_its_content() -> None:
    def imported(chunk: bytes, request_id: str) -> Attempt:
        answer: asyncio.Future[Any] = asyncio.Future(loop=_NO_LOOP)
        return prepare_import("order-1", request_id, Caller(FULL_RIGHTS), "file:1", chunk, OrderPlaced(), answer)

    assert imported(b"content", "a").digest == imported(b"content", "b").digest
    assert imported(b"content", "a").digest != imported(b"another content", "a").digest
    assert imported(b"content", "a").origin == "file:1"
