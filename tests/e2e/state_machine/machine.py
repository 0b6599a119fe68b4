"""A state machine that drives a server through the client: hypothesis chooses the steps, a model knows the answers."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from copy import deepcopy
from itertools import count
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.e2e.running_server import RunningServer
from tests.e2e.state_machine import questions
from tests.e2e.state_machine.drafts import FITTING_REQUESTS, IS_FITTING, NUMBERS, ORDERS, PLACE, REQUESTS, STALENESS
from tests.e2e.state_machine.driver import Driver
from tests.e2e.state_machine.order_model import State, decide

from ordertrail.commands import Request
from ordertrail.v1.commands_pb2 import PlaceOrderRequest

# A start takes as long as some hundred commands.
CALLS_BETWEEN_STARTS = 25
_numbers = count(1)


class OrderMachine(RuleBasedStateMachine):
    """Commands, retries, stale versions, batches, questions, restarts and kills, on the orders of one customer."""

    server: ClassVar[RunningServer]
    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.name, self.requests = f"customer-{next(_numbers)}", list[Request]()
        self.calls_since_start, self.generations = 0, [0] * ORDERS
        self.runner, self.driver = asyncio.Runner(), Driver(self.server, self.name, self.counts)
        self.run(self.driver.open())

    @initialize(data=st.data())
    def place_orders(self, data: st.DataObject) -> None:
        for number in range(ORDERS):
            self.run(self.driver.send(self.complete(data.draw(PLACE), self.order_id(number), f"{self.name}/{number}")))

    @rule(data=st.data(), is_dry_run=st.sampled_from((False, False, True)))
    def send(self, data: st.DataObject, is_dry_run: bool) -> None:
        [request] = self.draw_requests(data, 1)
        request.validate_only = is_dry_run
        self.run(self.driver.send(request))

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        self.run(self.driver.send(data.draw(st.sampled_from(self.requests[-10:]))))

    @rule(data=st.data(), request=REQUESTS)
    def reuse_request_id(self, data: st.DataObject, request: Request) -> None:
        fact = data.draw(st.sampled_from(self.driver.log.facts))
        self.run(self.driver.send(self.complete(request, fact.state.order_id, fact.request.request_id)))

    @rule(data=st.data(), size=st.integers(2, 20))
    def send_batch(self, data: st.DataObject, size: int) -> None:
        self.run(self.driver.send_batch(self.draw_requests(data, size)))

    @precondition(lambda self: self.calls_since_start > CALLS_BETWEEN_STARTS)
    @rule(data=st.data(), delay_ms=st.integers(0, 20))
    def kill_during_command(self, data: st.DataObject, delay_ms: int) -> None:
        self.counts["kills during a command"] += 1
        [request] = self.draw_requests(data, 1)
        self.run(self.driver.send_during_kill(request, delay_ms / 1000))
        self.calls_since_start = 0

    @precondition(lambda self: self.calls_since_start > CALLS_BETWEEN_STARTS)
    @rule(is_killed=st.booleans())
    def restart(self, is_killed: bool) -> None:
        self.counts["kills" if is_killed else "stops"] += 1
        self.run(self.driver.restart(is_killed))
        self.calls_since_start = 0

    @rule(number=NUMBERS)
    def ask_for_order(self, number: int) -> None:
        self.run(questions.compare_present(self.driver.orders, self.driver.log, self.order_id(number)))

    @rule(data=st.data(), number=NUMBERS, moment=st.sampled_from(questions.MOMENTS))
    def ask_for_past(self, data: st.DataObject, number: int, moment: str) -> None:
        fact = data.draw(st.sampled_from(self.driver.log.facts))
        self.learn_times()
        self.run(questions.compare_version(self.driver.orders, self.driver.log, fact))
        self.run(questions.compare_moment(self.driver.orders, self.driver.log, self.order_id(number), fact, moment))

    @rule(data=st.data(), moment=st.sampled_from(questions.MOMENTS), page_size=st.integers(1, 3))
    def ask_for_list(self, data: st.DataObject, moment: str, page_size: int) -> None:
        fact = data.draw(st.none() | st.sampled_from(self.driver.log.facts))
        self.learn_times()
        self.run(questions.compare_list(self.driver.orders, self.driver.log, fact, moment, page_size))

    def teardown(self) -> None:
        try:
            self.run(questions.compare_history(self.driver.orders, self.driver.log))
        finally:
            self.run(self.driver.close())
            self.runner.close()

    def draw_requests(self, data: st.DataObject, count: int) -> list[Request]:
        """Return new requests, each for the state that its order has after the ones before."""
        states = {order_id: self.driver.log.present(order_id) for order_id in map(self.order_id, range(ORDERS))}
        requests = list[Request]()
        for _ in range(count):
            request = self.draw_request(data, states)
            after = decide(states.get(request.order_id), request)
            if not isinstance(after, str):
                states[request.order_id] = after
            requests.append(request)
        self.requests += requests
        return requests

    def draw_request(self, data: st.DataObject, states: dict[str, State | None]) -> Request:
        """Return a new request for one of the orders in these states, or for one that replaces a finished order."""
        number, is_fitting, staleness = data.draw(NUMBERS), data.draw(IS_FITTING), data.draw(STALENESS)
        state = states.get(self.order_id(number))
        if state and is_fitting and state.status not in FITTING_REQUESTS:
            self.generations[number], state = self.generations[number] + 1, None
        draft = data.draw(FITTING_REQUESTS[state.status if state else ""] if is_fitting else REQUESTS)
        request = self.complete(draft, self.order_id(number), f"{self.name}/{next(_numbers)}")
        if staleness is not None:
            request.expected_version = max(0, (state.version if state else 0) + staleness)
        return request

    def complete(self, draft: Request, order_id: str, request_id: str) -> Request:
        request = deepcopy(draft)
        request.order_id, request.request_id = order_id, request_id
        if isinstance(request, PlaceOrderRequest):
            request.customer_id = self.name
        return request

    def learn_times(self) -> None:
        """Read the record times that receipts of batches did not show."""
        if len(self.driver.log.times) < len(self.driver.log.facts):
            self.driver.log.times |= self.run(questions.read_times(self.driver.orders, self.driver.log))

    def order_id(self, number: int) -> str:
        return f"{self.name}/order-{number}-{self.generations[number]}"

    def run(self, step: Coroutine[Any, Any, Any]) -> Any:
        self.calls_since_start += 1
        return self.runner.run(step)
