"""The explanation of one stored event: each hop of its reading, and what each rule did."""

import json
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError, Message

from ordertrail.v1.projection_service_pb2 import AppliedRule, ReadingStep
from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.families import Hop
from ordertrail_server.schema.hops.json_text import to_json_value
from ordertrail_server.schema.hops.trace import trace_plan
from ordertrail_server.schema.readers import Reader
from ordertrail_server.schema.record_fields import single_event
from ordertrail_server.schema.registry import READERS


class Explanation(NamedTuple):
    """How the event of a record was read. Fields are empty if the event is unknown. The steps end before a fault."""

    written_as: str
    written_json: str
    steps: list[ReadingStep]


def explain_reading(value: bytes) -> Explanation:
    """Explain how the event of a stored record is read, up to its fault if it has one. Never raises, for any bytes."""
    stored_event = single_event(value)
    reader = READERS.get(stored_event[0]) if stored_event else None
    if stored_event is None or reader is None:
        return Explanation("", "", [])
    stored = message_class(reader.hops[0].old)()
    try:
        stored.MergeFromString(stored_event[1])
    except DecodeError:
        return Explanation(reader.name, "", [])
    return Explanation(reader.name, _json(stored), _steps(reader, stored))


def _steps(reader: Reader, message: Any) -> list[ReadingStep]:
    steps: list[ReadingStep] = []
    for hop in () if reader.passes_through else reader.hops:
        new: Any = message_class(hop.new)()
        try:
            compile_hop(hop)(message, new)
        except Exception:  # the reading ends here, and its fault states the cause
            break
        steps.append(_step(hop, message, new))
        message = new
    return steps


def _step(hop: Hop, old: Message, new: Message) -> ReadingStep:
    if hop.function is not None:
        # Only the result of a function is known, not which fields it read and filled.
        rules = [AppliedRule(rule=f"python {hop.function.name}", value_json=_json(new))]
    else:
        assert hop.plan is not None
        rules = [
            AppliedRule(rule=rule, **{"from": source}, to=target, value_json=value_json)
            for rule, source, target, value_json in trace_plan(hop.plan, old)
        ]
    step = ReadingStep(to=hop.new.full_name, rules=rules, result_json=_json(new))
    setattr(step, "from", hop.old.full_name)
    return step


def _json(message: Message) -> str:
    return json.dumps(to_json_value(message), ensure_ascii=False)
