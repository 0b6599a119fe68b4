"""What happens to servers and brokers at random, several things at a time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from time import monotonic
from typing import TypeVar

from tests.chaos.members import Member
from tests.kafka.cluster import Cluster
from tests.kafka.node import Node

Fault = tuple[str, Callable[[], Awaitable[None]]]
LONGEST_PEACE_S = 4.0

T = TypeVar("T", Member, Node)


class Faults:
    """Does harm until a time has come; what was hurt is well again when it returns.

    Two servers may be down or frozen at once, and beside them one broker: a cluster of three goes on without it.
    """

    def __init__(self, seed: str, cluster: Cluster, members: list[Member], counts: Counter[str]) -> None:
        self._seed, self._cluster, self._members, self._counts = seed, cluster, members, counts
        self._hurt: set[int] = set()

    async def run(self, until: float) -> None:
        """Do harm. Raises Broken where a server does not stand it."""
        async with asyncio.TaskGroup() as hands:
            for hand in ("left", "right"):
                hands.create_task(self._harm(Random(f"{self._seed} {hand}"), until, self._members, self._of_server))
            brokers = Random(f"{self._seed} brokers")
            hands.create_task(self._harm(brokers, until, self._cluster.nodes, self._of_broker))

    async def _harm(
        self, random: Random, until: float, targets: list[T], fault_of: Callable[[Random, T], Fault]
    ) -> None:
        while monotonic() + (peace := random.uniform(0.1, LONGEST_PEACE_S)) < until:
            await asyncio.sleep(peace)
            target = random.choice([each for each in targets if id(each) not in self._hurt])
            name, do = fault_of(random, target)
            self._counts[name] += 1
            self._hurt.add(id(target))
            try:
                await do()
            finally:
                self._hurt.discard(id(target))

    def _of_server(self, random: Random, member: Member) -> Fault:
        seconds = random.uniform(0.2, 4.0)

        async def cut_off() -> None:
            with suppress(PermissionError):  # where the system lets nobody reach into processes, nothing is cut
                self._counts["connections cut"] += member.cut_off()

        faults: list[Fault] = [
            ("servers frozen", lambda: member.freeze(seconds)),
            ("servers killed", lambda: member.kill(seconds / 4)),
            ("servers cut off", cut_off),
        ]
        return random.choice(faults)

    def _of_broker(self, random: Random, node: Node) -> Fault:
        seconds = random.uniform(0.5, 5.0)
        faults: list[Fault] = [
            ("brokers frozen", lambda: self._freeze(node, seconds)),
            ("brokers killed", lambda: self._kill(node, seconds / 4)),
        ]
        if len(self._cluster.nodes) > 1:
            # Long enough for another broker to lead its partitions, while it answers servers all the same.
            faults.append(("brokers cut off", lambda: self._cut_off(node, 3 * seconds)))
        return random.choice(faults)

    async def _freeze(self, node: Node, seconds: float) -> None:
        node.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            node.thaw()

    async def _cut_off(self, node: Node, seconds: float) -> None:
        self._cluster.cut_off(node)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._cluster.join(node)

    async def _kill(self, node: Node, seconds: float) -> None:
        node.kill()
        await asyncio.sleep(seconds)
        node.start()
        await asyncio.to_thread(self._cluster.await_ready)
