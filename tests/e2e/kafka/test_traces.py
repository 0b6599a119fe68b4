"""A trace through a server on Kafka, exported over gRPC. The header of the message continues it."""

import asyncio
from contextlib import closing
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from tests.e2e.kafka.subscribers import SERVICE as SUBSCRIPTIONS, create_topics
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.kafka.cluster import Cluster
from tests.telemetry.otlp_receiver import run_grpc_receiver
from tests.webhooks.receiver import run_receiver

from ordertrail.client import connect, line
from ordertrail.v1.position_pb2 import Position

SERVICE = "ordertrail.v1.OrderCommandService"
TRACE_ID, CALLER_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def read_traceparent(cluster: Cluster, position: Position) -> str:
    """Return the header of the message at a position."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "test", "auto.offset.reset": "error"})
    consumer.assign([TopicPartition(position.topic, position.partition, position.offset)])
    [message] = consumer.consume(1, timeout=30.0)
    consumer.close()
    header = dict(message.headers() or [])["traceparent"]
    assert isinstance(header, bytes)
    return header.decode()


async def test_trace_goes_through_the_topic_to_projection_and_webhook(tmp_path: Path, cluster: Cluster) -> None:
    topic = create_topics(cluster, "traced")
    async with run_grpc_receiver() as otlp, run_receiver() as receiver:
        kafka = {"ORDERTRAIL_LOG": "kafka", "ORDERTRAIL_BOOTSTRAP": cluster.bootstrap, "ORDERTRAIL_TOPIC": topic}
        environment = {**kafka, "ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8", **otlp.environment}
        with closing(RunningServer(tmp_path / "data", environment)) as server:
            await asyncio.to_thread(server.start)
            await wait_until_serving(server.address)
            await wait_until_serving(server.address, SUBSCRIPTIONS)
            async with connect(server.address) as orders:
                await orders.create_webhook("shop", f"http://127.0.0.1:{receiver.port}/")
                orders.metadata = (("traceparent", f"00-{TRACE_ID}-{CALLER_ID}-01"),)
                receipt = await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
            [post] = await receiver.wait_for(1)
            names = (f"{SERVICE}/PlaceOrder", "decide", f"append {topic}", f"project {topic}", "POST")
            call, *steps = await otlp.wait_for(*names, where=lambda span: span.trace_id == TRACE_ID)
            assert await asyncio.to_thread(server.stop) == 0
        assert server.faults == []
    assert call.parent_id == CALLER_ID
    assert {step.parent_id for step in steps} == {call.span_id}
    assert call.is_named_by(await asyncio.to_thread(read_traceparent, cluster, receipt.position))
    assert steps[-1].is_named_by(post.headers["traceparent"])
