"""Concurrent callers that submit commands to any server, and learn the outcomes from any server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import count
from random import Random
from time import monotonic
from typing import Any

import grpc
from tests.chaos.caller_pool import RETRY_S, CallerPool
from tests.chaos.evidence import Evidence
from tests.chaos.member import Member
from tests.chaos.request_generator import RequestGenerator
from tests.chaos.submission_evidence import Submission

from ordertrail.commands import as_command
from ordertrail.errors import NotFound, OrderTrailError, from_rpc_error, from_status
from ordertrail.v1 import submitted_commands_pb2 as messages
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail_server.log.deadline import Deadline

SIZES = (1, 1, 1, 2, 4)
"""The numbers of commands of one request, each equally likely."""

SHARE_PROBABILITY, DEFER_PROBABILITY, WATCH_PROBABILITY, TOKEN_PROBABILITY = 0.4, 0.5, 0.5, 0.5

Stored = tuple[str, str]
"""The id of a stored command, and the token of its submission."""


class SubmittingCallers:
    """Submits commands, some of them beside a unary call of `unary` with the same request id."""

    def __init__(
        self, random: Random, members: list[Member], generator: RequestGenerator, evidence: Evidence, unary: CallerPool
    ) -> None:
        self._random, self._members, self._generator = random, members, generator
        self._evidence, self._unary, self._batches = evidence, unary, count()
        self._stubs: dict[str, Any] = {member.name: OrderCommandServiceStub(member.channel) for member in members}

    async def run_caller(self, name: str, stop: asyncio.Event) -> None:
        """Submit one request after the other until the event is set, and meanwhile ask for the outcomes."""
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                batch = self._create_batch(name)
                if batch[0].is_shared:
                    group.create_task(self._unary.send(batch[0].request))
                async for stored in self._submit(batch):
                    group.create_task(self._observe(stored, stop))
                await asyncio.sleep(self._random.uniform(0.0, 0.05))

    def _create_batch(self, caller: str) -> list[Submission]:
        requests = [self._generator.create_request() for _ in range(self._random.choice(SIZES))]
        is_shared = len(requests) == 1 and self._random.random() < SHARE_PROBABILITY
        for request in requests:
            self._evidence.record_command(request)
        number = next(self._batches)
        return [
            Submission(request, caller, (number, place), monotonic(), is_shared)
            for place, request in enumerate(requests)
        ]

    async def _submit(self, batch: Sequence[Submission]) -> AsyncIterator[Stored]:
        """Submit commands to one server after another until each is acknowledged or refused."""
        deadline, is_deferred = Deadline(RETRY_S), self._random.random() < DEFER_PROBABILITY
        while True:
            member, called = self._random.choice(self._members), monotonic()
            answers = await self._call(member, batch, is_deferred)
            waiting = []
            for submission, answer in zip(batch, answers, strict=True):
                if not isinstance(answer, OrderTrailError):
                    self._evidence.record_acknowledgement(submission, member.name)
                    yield answer
                elif not self._evidence.record_submission_error(submission, member.name, called, answer):
                    waiting.append(submission)
            batch = waiting
            if not batch or deadline.has_passed():
                return
            await asyncio.sleep(self._random.uniform(0.01, 0.2))

    async def _call(
        self, member: Member, batch: Sequence[Submission], is_deferred: bool
    ) -> list[Stored | OrderTrailError]:
        commands = [as_command(submission.request) for submission in batch]
        request = messages.SubmitCommandRequest(commands=commands, defer_decision=is_deferred)
        try:
            timeout_s = self._random.uniform(0.2, 1.5)
            response = await self._stubs[member.name].SubmitCommand(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            return [from_rpc_error(error) for _ in batch]
        return [
            (result.submission.command_id, response.consistency_token)
            if result.HasField("submission")
            else from_status(result.status)
            for result in response.results
        ]

    async def _observe(self, stored: Stored, stop: asyncio.Event) -> None:
        """Ask one server after another for the outcome of a command."""
        command_id, token = stored
        while not stop.is_set():
            member = self._random.choice(self._members)
            tokens = [token] if self._random.random() < TOKEN_PROBABILITY else []
            try:
                if await self._is_decided(member, command_id, tokens):
                    return
            except grpc.aio.AioRpcError as error:
                failure = from_rpc_error(error)
                if tokens or not isinstance(failure, NotFound):  # a server may lag behind
                    self._evidence.record_query_error(f"{command_id} {tokens}", member.name, failure)
            await asyncio.sleep(self._random.uniform(0.02, 0.3))

    async def _is_decided(self, member: Member, command_id: str, tokens: Sequence[str]) -> bool:
        stub, timeout_s = self._stubs[member.name], self._random.uniform(0.2, 1.5)
        if self._random.random() < WATCH_PROBABILITY:
            watch = messages.WatchCommandRequest(command_id=command_id, at_least_as_fresh=tokens)
            async for update in stub.WatchCommand(watch, timeout=timeout_s):
                if self._record_state(update.command, member):
                    return True
            return False
        query = messages.GetCommandRequest(command_id=command_id, at_least_as_fresh=tokens)
        return self._record_state((await stub.GetCommand(query, timeout=timeout_s)).command, member)

    def _record_state(self, command: messages.SubmittedCommand, member: Member) -> bool:
        is_decided = self._evidence.record_state(command, member.name)
        if command.HasField("receipt"):
            self._generator.record_version(command.order_id, command.receipt.order_version)
        return is_decided
