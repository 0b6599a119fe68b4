"""Answers and refusals as text that can be compared: without what differs from call to call."""

import re
from typing import Any, Final

import grpc
from google.protobuf.json_format import MessageToJson
from tests.e2e.access.world import Target, send
from tests.e2e.refusals import read_error

VOLATILE: Final = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "<time>"),
    (re.compile(r'"[\d.]+s"'), '"<duration>"'),
    (re.compile(r'Token": "[^"]+"'), 'Token": "<token>"'),
    (re.compile(r',\s*"lagCount": "\d+"'), ""),  # of the records of all customers
    (re.compile(r"created-\d+"), "<name>"),
    (re.compile(r"offset \d+|'offset': '\d+'"), "<offset>"),
)


async def describe_answer(channel: grpc.aio.Channel, rpc: str, request: Any, caller: str) -> str:
    """Return what a caller gets, as text."""
    try:
        answers = await send(channel, rpc, request, caller)
    except grpc.aio.AioRpcError as error:
        return str(read_error(error))
    return "\n".join(MessageToJson(answer) for answer in answers)


def neutralize(text: str, target: Target) -> str:
    """Replace the names of the target's things, and all that differs from call to call."""
    for field, value in sorted(target._asdict().items(), key=lambda item: -len(str(item[1]))):
        if isinstance(value, str) and value:
            text = text.replace(value, f"<{field}>")
    for pattern, placeholder in VOLATILE:
        text = pattern.sub(placeholder, text)
    return text
