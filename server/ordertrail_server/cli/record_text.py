"""A record of the log as one line."""

from base64 import b64encode
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from ordertrail.errors import from_status
from ordertrail_server.cli.event_text import event_line, text_line
from ordertrail_server.cli.value_text import escape, json_line
from ordertrail_server.commands.recorded_refusal import read_status
from ordertrail_server.facts.partition_fold import JudgedRecord
from ordertrail_server.log.port import Logged

REFUSED = "command refused"


def record_text(topic: str, partition: int, record: Logged, judged: JudgedRecord) -> str:
    """Return the record for people. Its verdict, if any, follows its position."""
    position = f"{partition}:{record.offset}"
    prefix = f"{position:<10} {judged.verdict:<7} " if judged.verdict else f"{position:<10} "
    if judged.reading is None:
        return f"{prefix}{escape(record.key)}  {judged.fault} ({len(record.value)} bytes)"
    event, fault = judged.reading.event, judged.reading.fault
    if judged.reading.refusal is not None:
        return f"{prefix}{text_line(event, REFUSED, escape(': '.join(_read_refusal(record))))}"
    return (
        f"{prefix}{escape(record.key)}  {event.order_version:>3}  {escape(fault)}"
        if fault
        else f"{prefix}{event_line(event)}"
    )


def record_json(topic: str, partition: int, record: Logged, judged: JudgedRecord) -> str:
    """Return the record for machines. It includes the bytes of an unreadable record."""
    members: dict[str, Any] = {"topic": topic, "partition": partition, "offset": record.offset, "key": record.key}
    if judged.verdict:
        members["verdict"] = judged.verdict
    if judged.reading is None:
        return json_line({**members, "fault": judged.fault, "value": b64encode(record.value).decode()})
    members |= {"digest": b64encode(record.digest).decode(), "writtenVersion": judged.reading.written_version}
    if judged.reading.fault:
        members |= {"fault": judged.reading.fault, "value": b64encode(record.value).decode()}
    if judged.reading.refusal is not None:
        members["refusal"] = dict(zip(("reason", "message"), _read_refusal(record), strict=True))
    return json_line({**members, "event": MessageToDict(judged.reading.event)})


def _read_refusal(record: Logged) -> tuple[str, str]:
    """Return the reason and the message of a recorded refusal. Never raises: any program can write to a topic."""
    status = read_status(record.value)
    try:
        return from_status(status).reason, status.message
    except DecodeError:
        return "UNKNOWN", status.message
