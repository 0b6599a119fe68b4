"""The descriptors that webhooks may take together, and each of them."""

import pytest

from ordertrail_server.webhooks.connection_share import MAX_CONNECTIONS, connection_share


@pytest.mark.parametrize(
    ("descriptor_limit", "webhook_count", "share"),
    [
        (1024, 1, 512),
        (1024, 100, 5),
        (64, 100, 1),
        (1_000_000, 100, MAX_CONNECTIONS // 100),
        (None, 100, MAX_CONNECTIONS // 100),
        (None, 0, MAX_CONNECTIONS),
    ],
)
def test_share_is_equal_and_leaves_half_of_the_descriptors(
    descriptor_limit: int | None, webhook_count: int, share: int
) -> None:
    assert connection_share(descriptor_limit, webhook_count) == share
