"""Parses requests and checks the bounds that the contract sets for every field."""

from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from protovalidate import ValidationError, Validator, Violation as RuleViolation

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.edge.bounds_check import compile_check
from ordertrail_server.orders.refusal import Refusal, Refused, Violation

M = TypeVar("M", bound=Message)

# A small body can unfold into many times its size in memory, so single requests stay small.
COMMAND_BYTES = 65_536
BATCH_BYTES = 1_048_576

# Of a longer list only the first violation is reported: finding all of 200 lines takes 18 ms, and other calls wait.
LONG_LIST = 50

# protovalidate prints only the regular expression of a violated pattern.
PATTERN_MESSAGES = {
    r"^\P{Cc}*$": "must not contain control characters",
    r"^[\P{Cc}\t\n\r]*$": "must not contain control characters, except tabs and line ends",
    "^[A-Z]*$": "must contain only the letters A to Z",
}

# protovalidate is imported at start, although only requests that the compiled check does not accept need it: an import
# that fails midway, because no file descriptor is left, cannot be repeated in the same process.
_validator = Validator()


def parse(kind: type[M], raw: bytes, limit: int) -> M:
    """Parse a message. Raises Refused if the bytes are not such a message, or more than `limit`."""
    refuse_oversized(raw, limit)
    try:
        return kind.FromString(raw)
    except DecodeError:
        text = f"The request is not a valid {kind.DESCRIPTOR.full_name} message."
        raise Refused(Refusal(reasons.ERROR_REASON_INVALID_REQUEST, text)) from None


def refuse_oversized(raw: bytes, limit: int) -> None:
    """Raise Refused if there are more than `limit` bytes."""
    if len(raw) > limit:
        text = f"The request has {len(raw):,} bytes; the limit is {limit:,}."
        raise Refused(Refusal(reasons.ERROR_REASON_REQUEST_TOO_LARGE, text))


def validate(message: Message) -> None:
    """Check the bounds of all fields. Raises Refused, which names the invalid ones."""
    if compile_check(message.DESCRIPTOR)(message):
        return
    try:
        _validator.validate(message, fail_fast=True)
        return
    except ValidationError as error:
        violations = error.violations
    if not _has_long_list(message):
        violations = _validator.collect_violations(message)
    raise Refused(refusal_of([_violation_of(violation) for violation in violations[:20]]))


def _has_long_list(message: Message) -> bool:
    """Return whether a message has a list so long that collecting all violations would delay other calls."""
    for field, value in message.ListFields():
        if field.is_repeated:
            if len(value) > LONG_LIST:
                return True
        elif field.message_type is not None and _has_long_list(value):
            return True
    return False


def refusal_of(violations: Sequence[Violation]) -> Refusal:
    """Return the refusal of a request that violates one or more rules of the contract."""
    text = "; ".join(f"{path}: {message}" for path, message, _ in violations)
    return Refusal(reasons.ERROR_REASON_INVALID_REQUEST, f"{text}.", where=violations[0].path, violations=violations)


def _violation_of(violation: RuleViolation) -> Violation:
    rule_id, message = violation.proto.rule_id, violation.proto.message
    if rule_id == "string.pattern":
        message = PATTERN_MESSAGES.get(str(violation.rule_value), message)
    return Violation(_field_path(violation), message, rule_id)


def _field_path(violation: RuleViolation) -> str:
    steps = []
    for element in violation.proto.field.elements if violation.proto.field else ():
        subscript = element.subscript
        steps.append(f"{element.field_name}[{subscript.value}]" if subscript else element.field_name)
    return ".".join(steps) or "(request)"
