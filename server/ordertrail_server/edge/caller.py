"""Reads what the metadata of a call says about its caller."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.access.forwarded_identity import FORWARDED_IDENTITY
from ordertrail_server.orders.refusal import Refusal, Refused

LONGEST = 256
_TEXT = re.compile(rf"[^\x00-\x1f\x7f-\x9f]{{0,{LONGEST}}}")
_ACTOR, _TRACEPARENT, _AUTHORIZATION = "ordertrail-actor", "traceparent", "authorization"


class CallMetadata(NamedTuple):
    """The actor that the caller names, its W3C trace context, and its credentials. Nothing is verified yet."""

    actor: str = ""
    traceparent: str = ""
    authorization: str | None = None
    forwarded: bytes | None = None
    """The identity that a forwarding server passes on."""


def read_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> CallMetadata:
    """Return what the metadata says. Raises Refused if it holds credentials twice."""
    actor = traceparent = ""
    authorization = forwarded = None
    for name, value in metadata:
        if name == _ACTOR:
            actor = str(value)
        elif name == _TRACEPARENT:
            traceparent = str(value)
        elif name == _AUTHORIZATION:
            if authorization is not None:
                raise _invalid(name, "must be given once")
            authorization = str(value)
        elif name == FORWARDED_IDENTITY:
            forwarded = bytes(value) if isinstance(value, bytes) else value.encode()
    return CallMetadata(actor, traceparent, authorization, forwarded)


def read_traceparent(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the trace context of the metadata, whatever it is; "" without one."""
    return next((str(value) for name, value in metadata if name == _TRACEPARENT), "")


def refuse_unrecordable(metadata: CallMetadata) -> None:
    """Raise Refused if a fact cannot keep the caller. It keeps it permanently, so it has the bounds of ids."""
    for name, value in ((_ACTOR, metadata.actor), (_TRACEPARENT, metadata.traceparent)):
        if _TEXT.fullmatch(value) is None:
            raise _invalid(name, f"must have at most {LONGEST} characters and no control characters")


def _invalid(name: str, rule: str) -> Refused:
    return Refused(Refusal(reasons.ERROR_REASON_INVALID_REQUEST, f"The metadata {name} {rule}.", where=name))
