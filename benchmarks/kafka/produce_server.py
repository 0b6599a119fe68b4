"""A bare server with the minimal work of an acknowledged command: a call, and a produce request that is awaited.

python -m benchmarks.kafka.produce_server RESPONSE HOST:PORT TOPIC
"""

import asyncio
import json
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import grpc
from confluent_kafka import Producer

RECORD_BYTES = 250
METHOD = "Bare/Produce"


def create_producer(bootstrap: str) -> Producer:
    """Return a producer with the settings that the log needs for its guarantees."""
    return Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 0})


async def serve(body: bytes, bootstrap: str, topic: str) -> None:
    """Answer each call with `body` after a record was delivered to the topic."""
    loop, kafka_producer = asyncio.get_running_loop(), create_producer(bootstrap)
    Thread(target=_poll, args=[kafka_producer], daemon=True).start()

    async def produce(_request: bytes, _context: Any) -> bytes:
        delivered = loop.create_future()

        def report(*_: object) -> None:
            loop.call_soon_threadsafe(delivered.set_result, None)

        kafka_producer.produce(topic, bytes(RECORD_BYTES), partition=0, on_delivery=report)
        await delivered
        return body

    server = grpc.aio.server()
    handlers = {"Produce": grpc.unary_unary_rpc_method_handler(produce)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Bare", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"listening": f"127.0.0.1:{port}"}), flush=True)
    await server.wait_for_termination()


def _poll(kafka_producer: Producer) -> None:
    while True:
        kafka_producer.poll(0.05)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]).read_bytes(), sys.argv[2], sys.argv[3]))
