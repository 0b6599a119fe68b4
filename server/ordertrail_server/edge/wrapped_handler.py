"""Replaces the function of a gRPC handler, whatever its kind of rpc."""

from collections.abc import Callable
from typing import Any

import grpc

from ordertrail_server.edge.rpc_handler import Handler

Behavior = Callable[..., Any]
"""The function of a handler; grpc's own type covers its threaded server only.

Its request is None if a call with one request is refused before that is read.
"""

Wrap = Callable[[Behavior], Behavior]


def wrap_handler(handler: Handler, wrap_unary: Wrap, wrap_stream: Wrap) -> Handler:
    """Return the same handler with its function wrapped: by `wrap_stream` if it answers with a stream."""
    if handler.unary_unary is not None:
        return grpc.unary_unary_rpc_method_handler(wrap_unary(handler.unary_unary))
    if handler.unary_stream is not None:
        return grpc.unary_stream_rpc_method_handler(wrap_stream(handler.unary_stream))
    assert handler.stream_stream is not None
    return grpc.stream_stream_rpc_method_handler(wrap_stream(handler.stream_stream))
