"""The gRPC channel of the client, with its retry policy and reconnect back-off."""

import json
import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

import grpc

from ordertrail.token import TokenExposed, TokenSource, add_token

__all__ = ["open_channel"]

# A retry is safe: the server answers a repeated request id with the first receipt, and queries change nothing.
# The config holds no `timeout`: gRPC fires it early. Deadlines are set on each call.
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [
                {"service": "ordertrail.v1.OrderCommandService"},
                {"service": "ordertrail.v1.OrderHistoryService"},
                {"service": "ordertrail.v1.ProjectionService"},
                {"service": "ordertrail.v1.SubscriptionService"},
            ],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        },
        # Without a policy, because the client resumes streams itself, or because a repetition would be refused.
        {
            "name": [
                {"service": "ordertrail.v1.OrderCommandService", "method": "ExecuteCommands"},
                {"service": "ordertrail.v1.OrderCommandService", "method": "WatchCommand"},
                {"service": "ordertrail.v1.OrderImportService", "method": "ImportOrders"},
                {"service": "ordertrail.v1.OrderHistoryService", "method": "StreamOrderEvents"},
                {"service": "ordertrail.v1.SubscriptionService", "method": "Consume"},
                {"service": "ordertrail.v1.SubscriptionService", "method": "DeleteSubscription"},
                {"service": "ordertrail.v1.SubscriptionService", "method": "ReplayParkedDeliveries"},
                {"service": "ordertrail.v1.SubscriptionService", "method": "SkipParkedDelivery"},
                {"service": "ordertrail.v1.SubscriptionService", "method": "RotateWebhookSecret"},
                {"service": "ordertrail.v1.SubscriptionService", "method": "RevokeWebhookSecret"},
                {"service": "ordertrail.v1.SubscriptionService", "method": "RedeliverWebhookDelivery"},
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

# A proxy of the environment (http_proxy) would connect to its own loopback address.
DIRECT = [("grpc.enable_http_proxy", 0)]

# The name resolvers of gRPC that take a host: https://github.com/grpc/grpc/blob/master/doc/naming.md
_RESOLVER = re.compile("^(?:dns|ipv4|ipv6):(?://[^/]*/)?")


def is_loopback(target: str) -> bool:
    """Return whether a gRPC target, such as HOST:PORT, is an address of this machine."""
    try:
        host = urlsplit(f"//{_RESOLVER.sub('', target, count=1)}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def open_channel(
    target: str,
    credentials: grpc.ChannelCredentials | None,
    options: Sequence[tuple[str, object]] = (),
    token: TokenSource | None = None,
) -> grpc.aio.Channel:
    """Open a channel; without credentials it is not encrypted. `options` override the client's own.

    Raises TokenExposed if the channel would send a token unencrypted to another machine.
    """
    # Each name once, because gRPC takes the first of two values.
    merged = [*dict([*OPTIONS, *(DIRECT if is_loopback(target) else ()), *options]).items()]
    if token is not None:
        credentials = add_token(credentials or _local_credentials(target), token)
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=merged)
    return grpc.aio.secure_channel(target, credentials, options=merged)


def _local_credentials(target: str) -> grpc.ChannelCredentials:
    """Return credentials without encryption, which connect to this machine only, whatever a name resolves to."""
    if target.startswith(("unix:", "unix-abstract:")):
        return grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
    if is_loopback(target):
        return grpc.local_channel_credentials(grpc.LocalConnectionType.LOCAL_TCP)
    raise TokenExposed(f"a token needs an encrypted connection to {target}, so give credentials")
