"""Callers that submit commands to servers which are killed, and what they must have seen.

No acknowledged submission is lost, no outcome changes once it was shown, and the commands of each order are decided in
the order of their submission. ORDERTRAIL_KILL_SEED repeats the moments of a run.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import grpc
from tests.e2e.reference_fold import ReferenceFold
from tests.e2e.sample_orders import build_order_commands
from tests.e2e.test_submissions import build_submission

from ordertrail.v1 import submitted_commands_pb2 as messages
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub

SEED = int(os.environ.get("ORDERTRAIL_KILL_SEED", str(time.time_ns())))
SUBMITTERS, OBSERVERS = 4, 2
DECIDED = (messages.COMMAND_STATE_ACCEPTED, messages.COMMAND_STATE_REFUSED)
UNKNOWN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)


class Observations:
    """What callers saw: acknowledged commands by order, in the order of their submission, and shown outcomes."""

    def __init__(self) -> None:
        self.submitted: defaultdict[str, list[str]] = defaultdict(list)
        self.outcomes: dict[str, bytes] = {}
        self.faults: list[str] = []

    @property
    def ids(self) -> list[str]:
        return [command_id for ids in self.submitted.values() for command_id in ids]

    def note(self, command: messages.SubmittedCommand) -> None:
        """Note a shown state; a decided command must have the outcome that was shown before."""
        if command.state in DECIDED:
            outcome = read_outcome(command)
            if self.outcomes.setdefault(command.command_id, outcome) != outcome:
                self.faults.append(f"the outcome of {command.command_id} changed")


def read_outcome(command: messages.SubmittedCommand) -> bytes:
    return command.receipt.digest if command.HasField("receipt") else command.refusal.SerializeToString()


@contextmanager
def suppress_failures(*codes: grpc.StatusCode) -> Iterator[None]:
    """Suppress the failure of a call if it has one of the codes."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if error.code() not in codes:
            raise


class Callers:
    """Callers that submit commands to the servers, and observe outcomes, until they are stopped."""

    def __init__(self, addresses: list[str]) -> None:
        options = [("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 200)]
        self._channels = [grpc.aio.insecure_channel(address, options=options) for address in addresses]
        self._services: list[Any] = [OrderCommandServiceStub(channel) for channel in self._channels]
        self.observations, self._is_stopping = Observations(), False
        callers = [self._submit(f"caller-{n}", Random(f"{SEED}/{n}")) for n in range(SUBMITTERS)]
        callers += [self._observe(Random(f"{SEED}/observer-{n}")) for n in range(OBSERVERS)]
        self._tasks = [asyncio.create_task(caller) for caller in callers]

    async def stop(self) -> Observations:
        """Stop submitting, wait until every command has its outcome on every server, and return what was seen."""
        self._is_stopping = True
        await asyncio.gather(*self._tasks)
        for service in self._services:
            async with asyncio.timeout(120):
                while not await self._list_outcomes(service) >= set(self.observations.ids):  # noqa: ASYNC110 (polls a server)
                    await asyncio.sleep(0.1)
        for channel in self._channels:
            await channel.close(None)
        return self.observations

    async def _list_outcomes(self, service: Any) -> set[str]:
        """Return the ids of all commands that have an outcome on a server."""
        query, decided = messages.ListCommandsRequest(page_size=100), set[str]()
        while True:
            page = await service.ListCommands(query, timeout=60, wait_for_ready=True)
            for command in page.commands:
                self.observations.note(command)
            decided |= {command.command_id for command in page.commands if command.state in DECIDED}
            query.page_token = page.next_page_token
            if not query.page_token:
                return decided

    async def _submit(self, name: str, random: Random) -> None:
        number = 0
        while not self._is_stopping:
            order_id, number = f"{name}/{number}", number + 1
            requests = list(build_order_commands(order_id, random))
            # Out of turn, so that it may be refused.
            requests.append(type(requests[-1])(order_id=order_id, request_id=f"{order_id}/late"))
            while requests and not self._is_stopping:
                size = random.randrange(1, 8)
                await self._submit_until_stored(order_id, requests[:size], random)
                del requests[:size]

    async def _submit_until_stored(self, order_id: str, requests: list[Any], random: Random) -> None:
        submission = build_submission(*requests, defer_decision=True)
        while True:
            with suppress_failures(*UNKNOWN):
                response = await random.choice(self._services).SubmitCommand(submission, timeout=5)
                if all(result.HasField("submission") for result in response.results):
                    break
            await asyncio.sleep(0.02)
        self.observations.submitted[order_id] += [result.submission.command_id for result in response.results]

    async def _observe(self, random: Random) -> None:
        while not self._is_stopping:
            await asyncio.sleep(0.002)
            if self.observations.ids:
                query = messages.GetCommandRequest(command_id=random.choice(self.observations.ids[-200:]))
                # Another server may not have read the command yet.
                with suppress_failures(*UNKNOWN, grpc.StatusCode.NOT_FOUND):
                    self.observations.note((await random.choice(self._services).GetCommand(query, timeout=5)).command)


def assert_outcomes_are_links(observations: Observations, reference: ReferenceFold) -> None:
    """Every acknowledged command has exactly one link, and those of an order stand in their order."""
    links = sorted((*reference.facts, *reference.refusals), key=lambda link: (link.partition, link.offset))
    requests = [link.request for link in links]
    assert len(requests) == len(set(requests))
    by_order: defaultdict[str, list[str]] = defaultdict(list)
    for order_id, request_id in requests:
        by_order[order_id].append(request_id)
    assert {order_id: len(ids) for order_id, ids in observations.submitted.items()} == {
        order_id: len(by_order[order_id]) for order_id in observations.submitted
    }
    for order_id, request_ids in by_order.items():
        numbers = [request_id for request_id in request_ids if not request_id.endswith("/late")]
        assert numbers == sorted(numbers, key=lambda request_id: int(request_id.rpartition("/")[2])), order_id


def assert_nothing_is_lost(observations: Observations, reference: ReferenceFold) -> None:
    assert observations.faults == []
    assert observations.outcomes.keys() == set(observations.ids)
    assert_outcomes_are_links(observations, reference)
    print(
        f"\n{len(observations.ids)} commands of {len(observations.submitted)} orders (ORDERTRAIL_KILL_SEED={SEED}): "
        f"{len(reference.facts)} facts, {len(reference.refusals)} refusals, {reference.void} void records"
    )
