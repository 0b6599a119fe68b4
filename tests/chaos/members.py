"""The servers of a run: each on the one topic, with a directory of its own, and able to be hurt."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired

import grpc
from tests.chaos.connections import cut
from tests.e2e.kafka.servers import a_server
from tests.e2e.running_server import RunningServer
from tests.kafka.cluster import Cluster

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.topic import ORDER_EVENTS

ALL_ROLES = "command,projector,query"
READING = "projector,query"
START_SECONDS = 60.0
# A producer gives up on a record so soon that it may land all the same.
MESSAGE_TIMEOUT_MS = "1500"
OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
]


class Broken(AssertionError):
    """A promise was broken; says which, and how."""


class Member:
    """One server, and the channel of its callers, on which nothing is tried again behind their back."""

    channel: grpc.aio.Channel

    def __init__(self, name: str, cluster: Cluster, directory: Path, roles: str) -> None:
        self.name, self.roles = name, roles
        self.server: RunningServer = a_server(
            cluster, ORDER_EVENTS, directory / name, roles, KAFKA_MESSAGE_TIMEOUT_MS=MESSAGE_TIMEOUT_MS
        )
        self._ports = {int(address.rpartition(":")[2]) for address in cluster.bootstrap.split(",")}

    async def start(self) -> None:
        """Start it, again and again as long as no broker answers. Raises Broken if it takes too long."""
        deadline = Deadline(START_SECONDS)
        while True:
            try:
                await asyncio.to_thread(self.server.start)
                return
            except AssertionError:
                self.server.close()
            if deadline.has_passed():
                raise Broken(f"{self.name} does not start: {self.server.stderr[-2000:]}")
            await asyncio.sleep(0.2)

    def connect(self) -> None:
        """Open the channel; restarted, the server is on the port that it had before."""
        self.channel = grpc.aio.insecure_channel(self.server.address, options=OPTIONS)

    async def kill(self, seconds: float) -> None:
        """Kill it (kill -9), and start it again after a while."""
        self.check()
        self.server.kill()
        await asyncio.sleep(seconds)
        await self.start()

    async def freeze(self, seconds: float) -> None:
        """Stop it in its tracks, and let it go on after a while."""
        self.check()
        self.server.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.server.signal(signal.SIGCONT)

    def cut_off(self) -> int:
        """Cut its connections to brokers, and return how many there were. Raises PermissionError."""
        self.check()
        return cut(self.server.pid, self._ports)

    def check(self) -> None:
        """Raise Broken if it has ended by itself, or said that it met a fault of its own."""
        with suppress(TimeoutExpired):
            code = self.server.wait(0)
            raise Broken(f"{self.name} ended by itself with {code}: {self.server.stderr[-2000:]}")
        if found := self.server.faults:
            raise Broken(f"{self.name} met {len(found)} faults of its own, such as: {found[0]}")

    def abort(self) -> None:
        """End it; with PYTHONFAULTHANDLER=1 in the environment its stderr tells what each of its threads did."""
        self.server.signal(signal.SIGABRT)

    @property
    def doubts(self) -> int:
        """How many of its appends had an unknown outcome, as by a producer's time-out."""
        return self.server.stderr.count("an append has an unknown outcome")

    async def close(self) -> None:
        """End it, and the channel."""
        self.server.close()
        if hasattr(self, "channel"):
            await self.channel.close(None)
