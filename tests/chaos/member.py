"""A server of a run: it has a directory of its own, and can be killed, frozen and cut off."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired

import grpc
from tests.chaos.connections import cut_connections
from tests.e2e.kafka.servers import create_server
from tests.e2e.running_server import RunningServer
from tests.kafka.cluster import Cluster
from tests.process_freeze import freeze_process

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.topic_name import ORDER_EVENTS

ALL_ROLES = "command,projector,query"
READING = "projector,query"
START_SECONDS = 60.0
# So short that a producer may report a failure for a record that the broker stores later.
MESSAGE_TIMEOUT_MS = "1500"
OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]


class GuaranteeViolated(AssertionError):
    """A guarantee was violated; the message names it."""


class Member:
    """One server and the channel of its callers, which retries nothing by itself."""

    channel: grpc.aio.Channel

    def __init__(self, name: str, cluster: Cluster, directory: Path, roles: str) -> None:
        self.name, self.roles = name, roles
        self.server: RunningServer = create_server(
            cluster, ORDER_EVENTS, directory / name, roles, KAFKA_MESSAGE_TIMEOUT_MS=MESSAGE_TIMEOUT_MS
        )
        self._ports = {int(address.rpartition(":")[2]) for address in cluster.bootstrap.split(",")}

    async def start(self) -> None:
        """Start the server, and repeat that while no broker answers. Raises GuaranteeViolated after a time limit."""
        deadline = Deadline(START_SECONDS)
        while True:
            try:
                await asyncio.to_thread(self.server.start)
                return
            except AssertionError:
                self.server.close()
            if deadline.has_passed():
                raise GuaranteeViolated(f"{self.name} does not start: {self.server.stderr[-2000:]}")
            await asyncio.sleep(0.2)

    def connect(self) -> None:
        """Open the channel. A restarted server keeps its port."""
        self.channel = grpc.aio.insecure_channel(self.server.address, options=OPTIONS)

    async def kill(self, seconds: float) -> None:
        """Kill the server (kill -9), and start it again after some seconds."""
        self.check()
        self.server.kill()
        await asyncio.sleep(seconds)
        await self.start()

    async def freeze(self, seconds: float) -> None:
        """Freeze the server (SIGSTOP) for some seconds."""
        self.check()
        freeze_process(self.server.pid)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.server.signal(signal.SIGCONT)

    def cut_off(self) -> int:
        """Cut the connections to brokers, and return their number. Raises PermissionError."""
        self.check()
        return cut_connections(self.server.pid, self._ports)

    def check(self) -> None:
        """Raise GuaranteeViolated if the server has ended by itself or logged a traceback."""
        with suppress(TimeoutExpired):
            code = self.server.wait(0)
            raise GuaranteeViolated(f"{self.name} ended by itself with {code}: {self.server.stderr[-2000:]}")
        if faults := self.server.faults:
            raise GuaranteeViolated(f"{self.name} logged {len(faults)} tracebacks, such as: {faults[0]}")

    def abort(self) -> None:
        """Abort the server. With PYTHONFAULTHANDLER=1 in the environment its stderr shows the stack of each thread."""
        self.server.signal(signal.SIGABRT)

    @property
    def uncertain_append_count(self) -> int:
        """The number of appends with an unknown outcome, such as a time-out of the producer."""
        return self.server.stderr.count("an append has an unknown outcome")

    async def close(self) -> None:
        """End the server and the channel."""
        self.server.close()
        if hasattr(self, "channel"):
            await self.channel.close(None)
