"""Callers, spread over all servers, who keep their request ids and go elsewhere when a server does not answer."""

import asyncio
from random import Random
from time import monotonic

import grpc
from tests.chaos.book import Book
from tests.chaos.members import Member
from tests.chaos.requests import Requests

from ordertrail.commands import Request
from ordertrail.errors import from_rpc_error
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail_server.log.deadline import Deadline

PATIENCE_S = 20.0
GIVE_UP, ASK_TWICE = 0.05, 0.1


class Callers:
    """Give commands to these servers, and note every call in the book."""

    def __init__(self, random: Random, members: list[Member], requests: Requests, book: Book) -> None:
        self._random, self._members, self._requests, self._book = random, members, requests, book
        self._stubs = {member.name: OrderCommandServiceStub(member.channel) for member in members}

    async def call(self, stop: asyncio.Event) -> None:
        """Give one command after the other until it is time to stop."""
        while not stop.is_set():
            await self._command(self._requests.next())
            await asyncio.sleep(self._random.uniform(0.0, 0.01))

    async def _command(self, request: Request) -> None:
        """Give a command until it is answered, by whatever server; some callers lose patience at once."""
        self._book.ask(request)
        patience_s = 0.0 if self._random.random() < GIVE_UP else PATIENCE_S
        deadline = Deadline(patience_s)
        member = self._random.choice(self._members)
        while not await self.ask(member, request, self._random.uniform(0.2, 1.5)) and not deadline.has_passed():
            member = self._another(member)
            await asyncio.sleep(self._random.uniform(0.01, 0.2))
        if self._random.random() < ASK_TWICE:
            await self.ask(self._another(member), request, 3.0)

    def _another(self, member: Member) -> Member:
        return self._random.choice([each for each in self._members if each is not member] or [member])

    async def ask(self, member: Member, request: Request, timeout_s: float) -> bool:
        """Call a server once, and return whether it answered."""
        rpc = getattr(self._stubs[member.name], type(request).__name__.removesuffix("Request"))
        called = monotonic()
        try:
            receipt = (await rpc(request, timeout=timeout_s)).receipt
        except grpc.aio.AioRpcError as error:
            return self._book.turned_down(request, member.name, called, from_rpc_error(error))
        self._book.acknowledged(request, member.name, called, receipt)
        self._requests.learn(request.order_id, receipt.order_version)
        return True
