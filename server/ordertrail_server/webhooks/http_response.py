"""What became of one POST."""

from typing import NamedTuple

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.orders.refusal import Refusal, Refused

ENDED = Refusal(ERROR_REASON_UNAVAILABLE, "Another server may post by now, so this one posts no more; retry shortly.")


class HttpResponse(NamedTuple):
    """The status of a response, its header `Retry-After`, and the beginning of its body as text."""

    status: int
    retry_after: str
    excerpt: str


class PostFailed(Exception):
    """There was no response. The message says why, for the operator of the webhook."""


class PostingEnded(Refused):
    """This server posts no more, because another one may. An attempt that ran may have reached its receiver."""

    def __init__(self) -> None:
        super().__init__(ENDED)
