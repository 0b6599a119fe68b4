"""A copy of a log has no subscriptions, so a server on the copy posts nothing again."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.cli.command_line import CommandLine
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.kafka.cluster import Cluster
from tests.kafka.topic_content import new_topic
from tests.webhooks.receiver import run_receiver

from ordertrail.client import OrderTrail, connect, line

LOOPBACK = {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8"}


def copy_log(data: Path, to: str, cluster: Cluster, topic: str) -> Mapping[str, int]:
    arguments = ("--data", str(data), "--bootstrap", cluster.bootstrap, "--topic", topic, "--to", to, "--json")
    result = CommandLine("127.0.0.1:1").run("log", "copy", *arguments)
    assert result.returncode == 0, result.stderr
    report: Mapping[str, int] = json.loads(result.stdout)
    return report


async def place(orders: OrderTrail) -> None:
    await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])


async def test_server_on_a_copy_of_the_log_posts_nothing(tmp_path: Path, cluster: Cluster) -> None:
    topic = new_topic(cluster)
    async with run_receiver() as receiver:
        with closing(RunningServer(tmp_path / "data", LOOPBACK)) as server:
            await asyncio.to_thread(server.start)
            await wait_until_serving(server.address)
            async with connect(server.address) as orders:
                await orders.create_webhook("shop", f"http://127.0.0.1:{receiver.port}/")
                for _ in range(3):
                    await place(orders)
            await receiver.wait_for(3)
            assert await asyncio.to_thread(server.stop) == 0
        for data, to in ((tmp_path / "data", "topic"), (tmp_path / "copy", "data")):
            assert (await asyncio.to_thread(copy_log, data, to, cluster, topic))["records"] == 3
        with closing(RunningServer(tmp_path / "copy", LOOPBACK)) as copy:
            await asyncio.to_thread(copy.start)
            await wait_until_serving(copy.address)
            async with connect(copy.address) as orders:
                assert [subscription async for subscription in orders.subscriptions()] == []
                await place(orders)
                # A webhook from now on is told of the next order only.
                await orders.create_webhook("shop", f"http://127.0.0.1:{receiver.port}/copy", now=True)
                await place(orders)
                posts = await receiver.wait_for(4)
            assert [post.path for post in posts] == ["/", "/", "/", "/copy"]
