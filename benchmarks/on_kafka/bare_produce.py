"""A server that does nothing but what an acknowledged command cannot do without: a call, and a produce that is awaited.

python -m benchmarks.on_kafka.bare_produce RESPONSE HOST:PORT TOPIC
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


def producer(bootstrap: str) -> Producer:
    """Return a producer with the settings that the log's promises rest on."""
    return Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 0})


async def serve(body: bytes, bootstrap: str, topic: str) -> None:
    """Answer every call with `body`, once a record is on the topic."""
    loop, producing = asyncio.get_running_loop(), producer(bootstrap)
    Thread(target=_poll, args=[producing], daemon=True).start()

    async def produce(_request: bytes, _context: Any) -> bytes:
        done = loop.create_future()

        def report(*_: object) -> None:
            loop.call_soon_threadsafe(done.set_result, None)

        producing.produce(topic, bytes(RECORD_BYTES), partition=0, on_delivery=report)
        await done
        return body

    server = grpc.aio.server()
    handlers = {"Produce": grpc.unary_unary_rpc_method_handler(produce)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Bare", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"listening": f"127.0.0.1:{port}"}), flush=True)
    await server.wait_for_termination()


def _poll(producing: Producer) -> None:
    while True:
        producing.poll(0.05)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]).read_bytes(), sys.argv[2], sys.argv[3]))
