"""Callers that send random calls to every rpc of a server, and judge each answer."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from tests.e2e.fuzz.metadata_generator import COMPRESSIONS, DEADLINES, create_metadata
from tests.e2e.fuzz.outcome import Call, judge_error
from tests.e2e.fuzz.request_generator import RequestGenerator
from tests.e2e.fuzz.value_pool import ValuePool
from tests.e2e.rpcs import RPCS

CALLERS, ANSWERS_READ = 128, 5


class Target(NamedTuple):
    """An rpc to call. `weight` is its share of the calls."""

    path: str
    request: Any
    response: Any
    is_request_stream: bool
    is_response_stream: bool
    weight: float = 1.0

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


HEALTH, REFLECTION = health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR
# Some calls may keep the machine busy for a second each. Subscriptions are deleted more often than they are created,
# because each webhook may keep 5 MiB of bodies (docs/decisions/0046).
WEIGHTS = {
    "RebuildProjection": 0.02,
    "AuditProjections": 0.02,
    "CompareGeneration": 0.1,
    "PromoteGeneration": 0.1,
    "DeleteSubscription": 4.0,
}
METHODS = [
    *(rpc.method for rpc in RPCS.values()),
    *HEALTH.services_by_name["Health"].methods,
    *REFLECTION.services_by_name["ServerReflection"].methods,
]
TARGETS = [
    Target(
        f"/{method.containing_service.full_name}/{method.name}",
        GetMessageClass(method.input_type),
        GetMessageClass(method.output_type),
        method.client_streaming,
        method.server_streaming,
        WEIGHTS.get(method.name, 1.0),
    )
    for method in METHODS
]
TARGETS.append(TARGETS[-1]._replace(path="/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"))
TARGETS.append(TARGETS[0]._replace(path="/ordertrail.v1.OrderCommandService/NoSuchRpc", weight=0.1))


class Fuzzer:
    """Sends random calls until a number of them, or a time, is reached. `outcomes` counts the outcomes."""

    def __init__(self, address: str, seed: str) -> None:
        self._address, self._seed = address, seed
        self._pool = ValuePool()
        self._requests = RequestGenerator(self._pool)
        self.count = 0
        self.outcomes: Counter[str] = Counter()
        self.answered_paths: set[str] = set()

    async def run(self, calls: int, seconds: float) -> None:
        """Send the calls. Raises ContractBroken."""
        end, options = time.monotonic() + seconds, [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(self._address, options=options) as channel, asyncio.TaskGroup() as callers:
            limit = self.count + calls
            for _ in range(CALLERS):
                callers.create_task(self._call_repeatedly(channel, limit, end))

    async def _call_repeatedly(self, channel: grpc.aio.Channel, limit: int, end: float) -> None:
        while self.count < limit and time.monotonic() < end:
            self.count += 1
            random = Random(f"{self._seed}/{self.count}")
            [target] = random.choices(TARGETS, [target.weight for target in TARGETS])
            self.outcomes[await self._call(channel, target, random)] += 1

    async def _call(self, channel: grpc.aio.Channel, target: Target, random: Random) -> str:
        number = random.choice((0, 1, 1, 2, 5)) if target.is_request_stream else 1
        requests = [self._requests.create(target.request, target.name, random) for _ in range(number)]
        deadline = random.choice(DEADLINES)
        is_open_ended = target.is_response_stream and not target.is_request_stream
        call = Call(target.path, requests, create_metadata(random), min(deadline, 0.1) if is_open_ended else deadline)
        options = {"timeout": call.deadline, "metadata": call.metadata, "compression": random.choice(COMPRESSIONS)}
        begin = time.monotonic()
        try:
            for answer in await self._read_answers(channel, target, requests, options):
                self._remember(target, answer)
        except grpc.aio.AioRpcError as error:
            return judge_error(call, error, time.monotonic() - begin)
        self.answered_paths.add(target.path)
        return "OK"

    async def _read_answers(
        self, channel: grpc.aio.Channel, target: Target, requests: list[bytes], options: dict[str, Any]
    ) -> list[bytes]:
        """Return the answer, or the first answers of a stream, which is then cancelled. Raises AioRpcError."""
        if not target.is_response_stream:
            return [await channel.unary_unary(target.path, None, None)(requests[0], **options)]
        if target.is_request_stream:
            stream: Any = channel.stream_stream(target.path, None, None)(_iterate(requests), **options)
        else:
            stream = channel.unary_stream(target.path, None, None)(requests[0], **options)
        answers = list[bytes]()
        try:
            async for answer in stream:
                answers.append(answer)
                if len(answers) == ANSWERS_READ:
                    break
        finally:
            stream.cancel()
        return answers

    def _remember(self, target: Target, answer: bytes) -> None:
        with suppress(DecodeError):
            self._pool.remember(target.response.FromString(answer))


async def _iterate(requests: list[bytes]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request
