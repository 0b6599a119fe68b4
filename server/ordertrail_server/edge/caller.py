"""Reads the caller from a call's metadata. Facts keep it permanently, so it has the same bounds as ids."""

import re
from collections.abc import Iterable

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.prepare import Caller
from ordertrail_server.orders.refusal import Refusal, Refused

LONGEST = 256
_TEXT = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{0,{LONGEST}}}")
_ACTOR, _TRACEPARENT = "ordertrail-actor", "traceparent"


def caller_of(metadata: Iterable[tuple[str, str | bytes]]) -> Caller:
    """Return the caller of the metadata `ordertrail-actor` and `traceparent`. Raises Refused."""
    actor = traceparent = ""
    for name, value in metadata:
        if name == _ACTOR:
            actor = _check(name, str(value))
        elif name == _TRACEPARENT:
            traceparent = _check(name, str(value))
    return Caller(actor, traceparent)


def _check(name: str, value: str) -> str:
    if _TEXT.fullmatch(value) is None:
        text = f"The metadata {name} must have at most {LONGEST} characters and no control characters."
        raise Refused(Refusal(reasons.ERROR_REASON_INVALID_REQUEST, text, where=name))
    return value
