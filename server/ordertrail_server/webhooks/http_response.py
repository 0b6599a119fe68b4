"""What became of one POST."""

from typing import NamedTuple


class HttpResponse(NamedTuple):
    """The status of a response, its header `Retry-After`, and the beginning of its body as text."""

    status: int
    retry_after: str
    excerpt: str


class PostFailed(Exception):
    """There was no response. The message says why, for the operator of the webhook."""
