"""The subscriptions and webhooks that a server serves at present."""

from dataclasses import dataclass

from ordertrail_server.subscriptions.subscriptions import Subscriptions
from ordertrail_server.webhooks.webhooks import Webhooks


@dataclass
class ServedSubscriptions:
    """Both are None while the server serves no subscriptions, for example because another server on its topic does."""

    subscriptions: Subscriptions | None = None
    webhooks: Webhooks | None = None

    def begin(self, subscriptions: Subscriptions, webhooks: Webhooks) -> None:
        """Note that the server serves these from now on."""
        self.subscriptions, self.webhooks = subscriptions, webhooks

    def end(self) -> None:
        """Note that the server serves none from now on."""
        self.subscriptions = self.webhooks = None
