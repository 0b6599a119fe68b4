"""The refusals of callers whose identity cannot be verified. None quotes the token, its claims or the configuration."""

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.orders.refusal import Refusal, Refused


def refuse(text: str) -> Refused:
    """Return the refusal of a call without an accepted identity."""
    return Refused(Refusal(reasons.ERROR_REASON_UNAUTHENTICATED, text))


def refuse_without_keys() -> Refused:
    """Return the refusal of a token that may be good, while the keys of its issuer were never read."""
    text = "The server has not read the keys of the token's issuer yet; retry, and tell the operator if it lasts."
    return Refused(Refusal(reasons.ERROR_REASON_UNAVAILABLE, text))


def refuse_unverified() -> Refused:
    """Return the refusal of a token that is not verified, because too many others have failed just now."""
    text = "The server has just seen too many bad tokens, so it verifies no new ones for a moment; retry."
    return Refused(Refusal(reasons.ERROR_REASON_OVERLOADED, text))
