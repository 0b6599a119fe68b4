"""A record of the log as one line."""

from base64 import b64encode
from typing import Any

from google.protobuf.json_format import MessageToDict

from ordertrail_server.cli.happenings import line
from ordertrail_server.cli.partition_fold import Told
from ordertrail_server.cli.printing import json_line, plain
from ordertrail_server.log.port import Logged


def as_text(topic: str, partition: int, record: Logged, told: Told) -> str:
    """Return the record for people; the verdict stands behind its place, if there is one."""
    place = f"{partition}:{record.offset}"
    begin = f"{place:<10} {told.verdict:<7} " if told.verdict else f"{place:<10} "
    if told.reading is None:
        return f"{begin}{plain(record.key)}  {told.fault} ({len(record.value)} bytes)"
    event, fault = told.reading.event, told.reading.fault
    return f"{begin}{plain(record.key)}  {event.order_version:>3}  {plain(fault)}" if fault else f"{begin}{line(event)}"


def as_json(topic: str, partition: int, record: Logged, told: Told) -> str:
    """Return the record for machines; the bytes of what cannot be read are in it."""
    shown: dict[str, Any] = {"topic": topic, "partition": partition, "offset": record.offset, "key": record.key}
    if told.verdict:
        shown["verdict"] = told.verdict
    if told.reading is None:
        return json_line({**shown, "fault": told.fault, "value": b64encode(record.value).decode()})
    shown |= {"digest": b64encode(record.digest).decode(), "writtenVersion": told.reading.written_version}
    if told.reading.fault:
        shown |= {"fault": told.reading.fault, "value": b64encode(record.value).decode()}
    return json_line({**shown, "event": MessageToDict(told.reading.event)})
