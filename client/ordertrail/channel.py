"""How the client holds its connection: what is retried, and how soon a server that came back is found."""

import json
from collections.abc import Sequence

import grpc

__all__ = ["open_channel"]

# Every command carries a request id, so a repeated one is answered with the first receipt; reads change nothing.
# The config holds no `timeout`: gRPC fires it early. Deadlines are set on each call.
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [
                {"service": "ordertrail.v1.OrderCommandService"},
                {"service": "ordertrail.v1.OrderHistoryService"},
                {"service": "ordertrail.v1.ProjectionService"},
            ],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        },
        # Without a policy: streams take themselves up again, from where they were.
        {
            "name": [
                {"service": "ordertrail.v1.OrderCommandService", "method": "ExecuteCommands"},
                {"service": "ordertrail.v1.OrderImportService", "method": "ImportOrders"},
                {"service": "ordertrail.v1.OrderHistoryService", "method": "StreamOrderEvents"},
            ]
        },
    ],
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.2},
}

OPTIONS = [
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A page of a thousand orders of two hundred lines is larger than gRPC's own bound of 4 MiB.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]


def open_channel(
    target: str, credentials: grpc.ChannelCredentials | None, options: Sequence[tuple[str, object]] = ()
) -> grpc.aio.Channel:
    """Open a channel; without credentials it is in the clear. Later `options` win over the client's own."""
    merged = [*OPTIONS, *options]
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=merged)
    return grpc.aio.secure_channel(target, credentials, options=merged)
