"""Log lines as text and as JSON."""

import json
import logging
import sys
from typing import Any

import pytest

from ordertrail_server.logs.call_fields import name_fields, set_call_fields, trace_id_of
from ordertrail_server.logs.line_format import MAX_TRACEBACK, create_formatter
from ordertrail_server.logs.queued_record import MAX_TEXT, MAX_VALUE, detach_record

TEXT, JSON = create_formatter(is_json=False), create_formatter(is_json=True)


def build_record(message: str, *arguments: object, error: BaseException | None = None, **fields: object) -> Any:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.getLogger("some.part").makeRecord(
        "some.part", logging.WARNING, __file__, 1, message, arguments, exc_info, extra=name_fields(**fields)
    )
    detach_record(record)
    return record


def catch_error() -> ValueError:
    try:
        raise ValueError("a fault")
    except ValueError as error:
        return error


def test_text_has_level_logger_message_and_fields() -> None:
    record = build_record("%d orders wait", 3, order_id="o-1", request_id="")
    assert TEXT.format(record) == "WARNING some.part: 3 orders wait order_id=o-1"


def test_json_has_the_time_too() -> None:
    record = build_record("%s wait", "Köln's orders", order_id="o-1", sent=2)
    record.created = 1_790_000_000.25
    assert json.loads(JSON.format(record)) == {
        "timestamp": "2026-09-21T14:13:20.250+00:00",
        "level": "warning",
        "logger": "some.part",
        "event": "Köln's orders wait",
        "order_id": "o-1",
        "sent": 2,
    }


@pytest.mark.parametrize("formatter", [TEXT, JSON], ids=["text", "json"])
def test_values_begin_no_other_line(formatter: logging.Formatter) -> None:
    line = formatter.format(build_record("a\nb", order_id="c\r\nERROR x: d\x1b[2J\u2028"))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line


def test_traceback_is_below_the_text_and_a_value_of_json() -> None:
    record = build_record("it failed", error=catch_error())
    first, *below = TEXT.format(record).splitlines()
    assert first == "WARNING some.part: it failed"
    assert below[0] == "Traceback (most recent call last):"
    assert below[-1] == "ValueError: a fault"
    assert json.loads(JSON.format(record))["exception"].splitlines() == below


def test_record_keeps_no_frames_and_no_arguments() -> None:
    secret = object()
    before = sys.getrefcount(secret)

    def fail(local: object) -> None:
        raise ValueError("a fault")

    try:
        fail(secret)
    except ValueError as error:
        record = build_record("%s", secret, error=error)
    assert sys.getrefcount(secret) == before
    assert "a fault" in TEXT.format(record)


def test_long_texts_are_cut() -> None:
    record = build_record("x" * 2 * MAX_TEXT, error=ValueError("y" * 2 * MAX_TRACEBACK), order_id="z" * 2 * MAX_VALUE)
    line = json.loads(JSON.format(record))
    assert line["event"] == "x" * MAX_TEXT + "…"
    assert line["order_id"] == "z" * MAX_VALUE + "…"
    assert len(line["exception"]) == MAX_TRACEBACK


def test_line_of_a_call_has_its_fields_and_own_ones_win() -> None:
    set_call_fields(lambda: {"rpc": "Service/Rpc", "order_id": "of the call"})
    line = json.loads(JSON.format(build_record("text", order_id="of the line")))
    assert (line["rpc"], line["order_id"]) == ("Service/Rpc", "of the line")
    set_call_fields(dict)


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("00-short-00f067aa0ba902b7-01", ""),
        ("nothing", ""),
        ("", ""),
    ],
)
def test_trace_id_is_the_second_part_of_the_trace_context(traceparent: str, trace_id: str) -> None:
    assert trace_id_of(traceparent) == trace_id
