"""How many of the server's file descriptors each webhook may take. Pure."""

MAX_CONNECTIONS = 2_000
"""The most deliveries of all webhooks that are in flight at once."""


def connection_share(descriptor_limit: int | None, webhook_count: int) -> int:
    """Return how many deliveries of each webhook may be in flight, at least one. None means no limit.

    The other half of the descriptors is for clients and files. The shares are equal, so a receiver that hangs takes
    connections from no other one.
    """
    available = MAX_CONNECTIONS if descriptor_limit is None else min(MAX_CONNECTIONS, descriptor_limit // 2)
    return max(1, available // max(1, webhook_count))
