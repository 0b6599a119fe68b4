"""Messages and the chain rule as docs/kafka.md describes them, on a topic that a server writes to."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from google.protobuf.json_format import MessageToDict
from tests.docs.kafka_page import PAGE, command_line
from tests.docs.pages import ROOT, read_blocks, read_table
from tests.e2e.kafka.servers import create_empty_topic, create_server, run_servers
from tests.e2e.running_server import build_environment
from tests.kafka.cluster import Cluster
from tests.schema.event_cases import NEWEST

from ordertrail.chain import partition_of
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest, PlaceOrderRequest
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail.values import line
from ordertrail_server.log.topic_name import ORDER_EVENTS
from ordertrail_server.schema.cases import message_of

PARTITIONS, ORDER = 3, "order-1"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PLACE = PlaceOrderRequest(order_id=ORDER, customer_id="shop-1", lines=[line("p_1", 3, "5.20", "EUR")])


@pytest.fixture(scope="module")
def messages(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> list[Message]:
    """The messages of an order that was placed and confirmed; the first message was delivered twice."""
    create_empty_topic(cluster, ORDER_EVENTS, PARTITIONS)
    server = create_server(cluster, ORDER_EVENTS, tmp_path_factory.mktemp("documented") / "data")
    with run_servers(server), grpc.insecure_channel(server.address) as channel:
        commands = OrderCommandServiceStub(channel)
        commands.PlaceOrder(PLACE, metadata=(("traceparent", TRACE),))
        [placed] = consume(cluster, 1)
        repeat(cluster, placed)
        commands.ConfirmOrder(ConfirmOrderRequest(order_id=ORDER))
    return consume(cluster, 3)


def consume(cluster: Cluster, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "test", "auto.offset.reset": "error"})
    consumer.assign([TopicPartition(ORDER_EVENTS, partition_of(ORDER, PARTITIONS), 0)])
    messages = consumer.consume(count, timeout=10.0)
    consumer.close()
    assert len(messages) == count
    return messages


def repeat(cluster: Cluster, message: Message) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    producer.produce(ORDER_EVENTS, message.value(), message.key(), partition=message.partition() or 0)
    assert producer.flush(10.0) == 0


def test_message_has_the_key_and_headers_of_the_page(messages: list[Message]) -> None:
    placed = messages[0]
    headers = dict(placed.headers() or [])
    parts = [part for part, _ in read_table(PAGE, "part")]
    assert placed.key() == ORDER.encode()
    assert parts == ["key", "value", *sorted(headers, key=parts.index)]
    assert headers["traceparent"] == TRACE.encode()
    texts = {part: text.partition("`")[0] for part, text in read_table(PAGE, "part")}
    for header in ("ce_specversion", "ce_source", "content-type"):
        assert headers[header] == texts[header].encode()
    assert headers["ce_type"] == message_of(NEWEST["OrderPlaced"]).full_name.encode()


def decode(command: str, directory: Path) -> dict[str, Any]:
    """Run the page's command line of buf, and return its output."""
    program, *arguments = command.replace("record.binpb", str(directory / "record.binpb")).split()
    buf = [str(Path(sys.executable).parent / program), *arguments]
    output: dict[str, Any] = json.loads(subprocess.run(buf, cwd=ROOT, check=True, capture_output=True).stdout)
    return output


def test_proto_files_are_enough_to_decode_a_message(messages: list[Message], tmp_path: Path) -> None:
    (tmp_path / "record.binpb").write_bytes(messages[0].value() or b"")
    decoded = decode(command_line("buf"), tmp_path)
    stored = Record.FromString(messages[0].value() or b"")
    assert stored.WhichOneof("event") == NEWEST["OrderPlaced"].name
    assert decoded == MessageToDict(stored)
    assert (decoded["orderId"], decoded["orderVersion"], decoded["traceparent"]) == (ORDER, "1", TRACE)
    assert command_line("protoc").split()[4:6] == [Record.DESCRIPTOR.full_name, Record.DESCRIPTOR.file.name]


def test_short_program_of_the_page_finds_the_facts_among_repetitions(messages: list[Message]) -> None:
    namespace: dict[str, Any] = {}
    exec(read_blocks(PAGE, "python")[0], namespace)
    assert [namespace["is_fact"](message.key(), message.value()) for message in messages] == [True, False, True]


def test_reader_program_of_the_page_prints_only_facts(messages: list[Message], cluster: Cluster) -> None:
    program = read_blocks(PAGE, "python")[1].replace("127.0.0.1:9092", cluster.bootstrap)
    command = [sys.executable, "-c", program]
    output = subprocess.run(
        command, env=build_environment(), check=True, capture_output=True, text=True, timeout=30
    ).stdout
    placed, confirmed = NEWEST["OrderPlaced"].name, NEWEST["OrderConfirmed"].name
    assert output.splitlines() == [f"order-1 1 {placed}", f"order-1 2 {confirmed}"]
