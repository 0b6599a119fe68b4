"""Concurrent callers that keep their request ids, and call another server when one does not answer."""

import asyncio
from random import Random
from time import monotonic

import grpc
from tests.chaos.evidence import Evidence
from tests.chaos.member import Member
from tests.chaos.request_generator import RequestGenerator

from ordertrail.commands import Request
from ordertrail.errors import from_rpc_error
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail_server.log.deadline import Deadline

RETRY_S = 20.0
NO_RETRY_PROBABILITY, REPEAT_PROBABILITY = 0.05, 0.1


class CallerPool:
    """Sends commands to servers, and records every call as evidence."""

    def __init__(self, random: Random, members: list[Member], generator: RequestGenerator, evidence: Evidence) -> None:
        self._random, self._members, self._generator, self._evidence = random, members, generator, evidence
        self._stubs = {member.name: OrderCommandServiceStub(member.channel) for member in members}

    async def run_caller(self, stop: asyncio.Event) -> None:
        """Send one command after the other until the event is set."""
        while not stop.is_set():
            request = self._generator.create_request()
            self._evidence.record_command(request)
            await self.send(request)
            await asyncio.sleep(self._random.uniform(0.0, 0.01))

    async def send(self, request: Request) -> None:
        """Send a command to one server after another until one answers; some callers send it only once."""
        retry_s = 0.0 if self._random.random() < NO_RETRY_PROBABILITY else RETRY_S
        deadline = Deadline(retry_s)
        member = self._random.choice(self._members)
        while not await self.call_once(member, request, self._random.uniform(0.2, 1.5)) and not deadline.has_passed():
            member = self._choose_other(member)
            await asyncio.sleep(self._random.uniform(0.01, 0.2))
        if self._random.random() < REPEAT_PROBABILITY:
            await self.call_once(self._choose_other(member), request, 3.0)

    def _choose_other(self, member: Member) -> Member:
        return self._random.choice([candidate for candidate in self._members if candidate is not member] or [member])

    async def call_once(self, member: Member, request: Request, timeout_s: float) -> bool:
        """Call a server once, and return whether it answered."""
        rpc = getattr(self._stubs[member.name], type(request).__name__.removesuffix("Request"))
        called = monotonic()
        try:
            receipt = (await rpc(request, timeout=timeout_s)).receipt
        except grpc.aio.AioRpcError as error:
            return self._evidence.record_error(request, member.name, called, from_rpc_error(error))
        self._evidence.record_receipt(request, member.name, called, receipt)
        self._generator.record_version(request.order_id, receipt.order_version)
        return True
