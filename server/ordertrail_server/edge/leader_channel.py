"""The connection to the server that serves the subscriptions, as the brokers name it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import grpc

from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.operator_error import OperatorError

_log = logging.getLogger(__name__)

BUSY_SECONDS, IDLE_SECONDS = 1.0, 5.0
"""How often the brokers are asked while calls wait or are forwarded, and otherwise."""

CONNECT_SECONDS = 1.0
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    # A server that is frozen, or whose machine is off, does not end its connections. Pings are sent during calls only.
    ("grpc.keepalive_time_ms", 7_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.ping_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
]


class LeaderChannel:
    """Run `watch`. `find_address` returns the address of the serving server, or an empty text if there is none.

    With the `files` of certificates, the connection uses TLS. `on_change` is called whenever another server serves. The
    connection to the former one is closed, with its calls.
    """

    def __init__(
        self,
        find_address: Callable[[], Awaitable[str]],
        own_address: str,
        files: CertificateFiles | None,
        on_change: Callable[[], None],
    ) -> None:
        self._find_address, self._own_address, self._on_change = find_address, own_address, on_change
        self._files, self._reason = files, ""
        self.address = ""
        self.channel: grpc.aio.Channel | None = None
        self.user_count = 0
        """The number of calls that wait or are forwarded."""
        self._is_doubted = asyncio.Event()

    def doubt(self) -> None:
        """Ask the brokers soon, because a call has failed or waits."""
        self._is_doubted.set()

    async def connect(self) -> grpc.aio.Channel | None:
        """Return the channel once it is connected; None if it is not soon, or if no other server serves."""
        channel = self.channel
        if channel is None:
            return None
        try:
            await asyncio.wait_for(channel.channel_ready(), CONNECT_SECONDS)
        except (TimeoutError, grpc.aio.UsageError):  # it was closed meanwhile
            return None
        return channel if channel is self.channel else None

    async def watch(self) -> None:
        """Follow the serving server for ever."""
        try:
            while True:
                self._is_doubted.clear()
                with suppress(LogUnavailable):
                    await self._follow(await self._find_address())
                await self._wait_until_due()
        finally:
            if self.channel is not None:
                await self.channel.close(None)

    async def _open_channel(self, address: str) -> grpc.aio.Channel | None:
        if self._files is None:
            return grpc.aio.insecure_channel(address, options=OPTIONS)
        # The library takes a while to load, and few servers of a development machine need it.
        from ordertrail_server.edge.tls.peer_credentials import read_peer_credentials

        try:
            credentials = await asyncio.to_thread(read_peer_credentials, self._files)
        except OperatorError as error:
            self._log_reason(str(error))
            return None
        self._reason = ""
        return grpc.aio.secure_channel(address, credentials, options=OPTIONS)

    def _log_reason(self, reason: str) -> None:
        if reason != self._reason:
            _log.error("calls about subscriptions are not forwarded: %s", reason)
            self._reason = reason

    def _needs_new_certificates(self) -> bool:
        if self._files is None or self.address in ("", self._own_address):
            return False
        failure = grpc.ChannelConnectivity.TRANSIENT_FAILURE
        return self.channel is None or self.channel.get_state() == failure

    def _is_connected(self) -> bool:
        return self.channel is not None and self.channel.get_state() == grpc.ChannelConnectivity.READY

    async def _wait_until_due(self) -> None:
        if not self.user_count:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_doubted.wait(), IDLE_SECONDS)
        await asyncio.sleep(BUSY_SECONDS / 4 if self._is_doubted.is_set() else BUSY_SECONDS)

    async def _follow(self, address: str) -> None:
        if (address == self.address and not self._needs_new_certificates()) or (not address and self._is_connected()):
            return  # while the members of the group change, the broker names none of them
        channel, self.address, self.channel = self.channel, address, None
        if address not in ("", self._own_address):
            self.channel = await self._open_channel(address)
        self._on_change()
        if channel is not None:
            await channel.close(None)
