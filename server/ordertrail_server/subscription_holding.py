"""Builds the part of a server on Kafka that serves subscriptions, or forwards calls to the server that does."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

from confluent_kafka.admin import AdminClient

from ordertrail_server.commands.joint_work import run_until_first_ends
from ordertrail_server.edge.address import Address
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.refused_service import SUBSCRIPTIONS_OFF
from ordertrail_server.edge.served_term import ServedTerm
from ordertrail_server.edge.server import Server
from ordertrail_server.edge.subscription_router import SubscriptionRouter
from ordertrail_server.edge.subscription_service import SubscriptionService
from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.kafka.findings import Topic, TopicState
from ordertrail_server.log.kafka.group_leader import GroupLeader, client_id_of
from ordertrail_server.log.kafka.group_membership import GroupMembership
from ordertrail_server.log.kafka.identity import KafkaIdentity
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.renewable_client import RenewableClient
from ordertrail_server.log.kafka.settings import admin_settings, create_client, session_seconds
from ordertrail_server.log.kafka.state_topic import StateTopic
from ordertrail_server.log.kafka.threads import run_in_daemon_thread
from ordertrail_server.log.kafka.topic_kind import SUBSCRIPTIONS
from ordertrail_server.log.kafka.topic_search import TopicSearch
from ordertrail_server.log.port import LogDamaged, LogUnavailable
from ordertrail_server.log.topic_name import subscriptions_topic_of
from ordertrail_server.new_id import create_id
from ordertrail_server.settings import Settings
from ordertrail_server.subscriptions.event_source import EventSource
from ordertrail_server.subscriptions.kafka.holder import Holder
from ordertrail_server.subscriptions.kafka.pulse import Pulse
from ordertrail_server.subscriptions.state_log import StateLog
from ordertrail_server.subscriptions.subscriptions import Subscriptions
from ordertrail_server.webhooks.address_policy import AddressPolicy
from ordertrail_server.webhooks.poster_loader import PosterLoader
from ordertrail_server.webhooks.served_subscriptions import ServedSubscriptions
from ordertrail_server.webhooks.webhooks import Webhooks

_log = logging.getLogger(__name__)

QUERY_SECONDS = 5.0
CHECK_SECONDS = 5.0
"""How often a server checks whether the topic is still the one that it found."""


class SubscriptionHolding:
    """The subscriptions of a server on Kafka. Create it with `open` before the server listens, then `run` it."""

    def __init__(
        self,
        log: KafkaLog,
        settings: Settings,
        history: HistoryService,
        ends: Offsets,
        server: Server,
        served: ServedSubscriptions,
    ) -> None:
        topic = settings.subscriptions_topic or subscriptions_topic_of(log.topic)
        self._log, self._history, self._server = log, history, server
        self._settings, self._served = settings, served
        self._source = EventSource(history.hub)
        self._freshness = Freshness(self._source.model, history.hub.progress, log, ends)
        self._router: SubscriptionRouter = server.create_router()
        self._admin = RenewableClient(lambda: create_client(AdminClient, admin_settings(log.settings)))
        self._leader = GroupLeader(log.settings, topic, QUERY_SECONDS)
        self._search = TopicSearch(SUBSCRIPTIONS, log.settings, topic, QUERY_SECONDS)
        self._topic: Topic | None = None
        self._holder: Holder | None = None

    async def open(self) -> None:
        """Route calls, and look for the topic. Raises TopicRefused, CertificatesUnreadable."""
        await self._create_loader(lambda: True).check_certificates()
        self._server.route_subscriptions(self._router)
        self._topic = self._search.check(await self._search.describe(), self._log.events)
        if self._topic is None:
            self._router.refusal = SUBSCRIPTIONS_OFF

    async def run(self, address: Address, files: CertificateFiles | None) -> None:
        """Serve or forward as long as the server runs. Raises LogDamaged once the topic is another one.

        `address` is where other servers reach this one. With the `files` of certificates, servers use TLS.
        """
        if self._topic is None:
            self._topic = await self._search.run(self._admin, self._log.events)
            self._router.refusal = None
        async with AsyncExitStack() as exit_stack:
            state_topic = self._open_topic(self._topic)
            exit_stack.callback(state_topic.close)
            work = [self._router.follow(self._find_address, str(address), files), self._check_identity(self._topic)]
            if address.is_wildcard:
                _log.warning(
                    "other servers cannot connect to %s, so this server only forwards calls about subscriptions: set "
                    "--advertise HOST:PORT",
                    address,
                )
            else:
                work.append(self._hold(state_topic, str(address)))
            await run_until_first_ends(work)

    async def close(self) -> None:
        """Hand the subscriptions over to another server in order."""
        if self._holder is not None:
            await self._holder.close()

    def _open_topic(self, topic: Topic) -> StateTopic:
        producer = self._log.producer_of(topic.name, lambda _: [])
        assert producer is not None
        return StateTopic(self._log.settings, producer)

    async def _hold(self, topic: StateTopic, address: str) -> None:
        await self._history.wait_complete()
        join = partial(GroupMembership, self._log.settings, topic.name, client_id_of(address))
        suspended_s = session_seconds(self._log.settings) / 2
        self._holder = Holder(topic, join, self._build, self._serve, create_id, suspended_s)
        self._router.is_starting = lambda: self._holder is not None and self._holder.is_assigned
        await self._holder.run()

    def _build(self, state_log: StateLog) -> Subscriptions:
        return Subscriptions(state_log, self._log, self._source, create_id)

    def _serve(self, subscriptions: Subscriptions, pulse: Pulse) -> ServedTerm:
        loader = self._create_loader(lambda: not pulse.has_stopped())
        webhooks, draining = Webhooks(subscriptions, loader, create_id), Draining()
        webhooks.start()
        service = SubscriptionService(subscriptions, webhooks, self._log, self._source, self._freshness)
        handlers = self._server.subscription_handlers(service, draining)
        self._served.begin(subscriptions, webhooks)
        return self._router.serve(handlers, draining, pulse, partial(self._end_service, webhooks))

    async def _end_service(self, webhooks: Webhooks) -> None:
        self._served.end()
        await webhooks.close()

    def _create_loader(self, may_post: Callable[[], bool]) -> PosterLoader:
        return PosterLoader(AddressPolicy(self._settings.webhook_allow), self._settings.webhook_ca, may_post)

    async def _find_address(self) -> str:
        return await run_in_daemon_thread(self._leader.find_address)

    async def _check_identity(self, topic: Topic) -> None:
        state = TopicState(topic.identity, 1, max(topic.replicas))
        identity = KafkaIdentity(self._admin, topic.name, state, QUERY_SECONDS, _log_loss, may_be_cut=True)
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await identity.check()
            except LogUnavailable:
                continue


def _log_loss(damage: LogDamaged) -> None:
    _log.critical("%s", damage)
