"""Builds the part of a server on the embedded log that serves subscriptions."""

import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.refused_service import SUBSCRIPTIONS_DAMAGED
from ordertrail_server.edge.server import Server
from ordertrail_server.edge.subscription_service import SubscriptionService
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.new_id import create_id
from ordertrail_server.settings import Settings
from ordertrail_server.subscriptions.embedded_state_log import EmbeddedStateLog
from ordertrail_server.subscriptions.event_source import EventSource
from ordertrail_server.subscriptions.state_log import StateDamaged
from ordertrail_server.subscriptions.subscriptions import Subscriptions
from ordertrail_server.webhooks.address_policy import AddressPolicy
from ordertrail_server.webhooks.poster_loader import PosterLoader
from ordertrail_server.webhooks.served_subscriptions import ServedSubscriptions
from ordertrail_server.webhooks.webhooks import Webhooks

_log = logging.getLogger(__name__)

Watch = Callable[[Coroutine[Any, Any, None]], None]


async def start_subscriptions(
    server: Server,
    log: EmbeddedLog,
    settings: Settings,
    history: HistoryService,
    ends: Offsets,
    exit_stack: AsyncExitStack,
    watch: Watch,
    served: ServedSubscriptions,
) -> None:
    """Serve the subscriptions of the data directory, and note them in `served`; refuse calls if they cannot be served.

    `ends` are those of the log at the start; `watch` runs a task whose failure ends the server.
    """
    source = EventSource(history.hub)
    try:
        state_log = await EmbeddedStateLog.open(DataDirectory(settings.data).subscriptions)
        exit_stack.push_async_callback(state_log.close)
        subscriptions = Subscriptions(state_log, log, source, create_id)
        await subscriptions.start()
    except StateDamaged as error:  # all else is served
        _log.error("subscriptions are not offered: %s", error)
        server.refuse_subscriptions(SUBSCRIPTIONS_DAMAGED)
        return
    exit_stack.push_async_callback(subscriptions.close)
    loader = PosterLoader(AddressPolicy(settings.webhook_allow), settings.webhook_ca)
    await loader.check_certificates()
    webhooks = Webhooks(subscriptions, loader, create_id)
    webhooks.start()
    exit_stack.push_async_callback(webhooks.close)
    served.begin(subscriptions, webhooks)
    watch(subscriptions.committer.run())
    watch(subscriptions.witness_regularly())
    freshness = Freshness(source.model, history.hub.progress, log, ends)
    server.answer_subscriptions(SubscriptionService(subscriptions, webhooks, log, source, freshness))
