"""Random work on a subscription, with crashes at any point: the promises hold, and nothing is left over."""

import os
import time
from collections.abc import Callable
from random import Random

import pytest
from tests.subscriptions.subscription_world import ConsumerModel, SubscriptionWorld
from tests.trials import choose_size

from ordertrail_server.subscriptions import dispatch, order_queues

ORDERS = ["o-1", "o-2", "o-3", "o-4"]
RUNS, STEPS = choose_size(50, 2_000, 200_000), 120
SEED = int(os.environ.get("ORDERTRAIL_SUBSCRIPTION_SEED", str(time.time_ns())))


class RandomWork:
    """Chooses what happens next, each step by its weight."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.world = SubscriptionWorld(max_attempts=random.randint(1, 4))
        self._steps: dict[Callable[[], object], int] = {
            self._append: 6,
            self._read: 6,
            self._connect: 3,
            self._disconnect: 1,
            self._hand_out: 8,
            self.world.commit: 6,
            self._acknowledge: 10,
            self._reject: 4,
            self.world.resume_all: 2,
            self._replay: 1,
            self._skip: 1,
            self._make_unreadable: 1,
            self._make_readable: 1,
            self._evict: 1,
            self.world.restart: 1,
            self.world.compact: 1,
        }

    def step(self) -> None:
        [step] = self._random.choices(list(self._steps), list(self._steps.values()))
        step()
        self.world.check_counts()

    def _append(self) -> None:
        for _ in range(self._random.randint(1, 3)):
            self.world.append(self._order())

    def _read(self) -> None:
        self.world.read(self._random.randint(1, 5))

    def _connect(self) -> None:
        if len(self.world.consumers) < 3:
            self.world.connect(self._random.randint(0, 6))

    def _disconnect(self) -> None:
        if self.world.consumers:
            model = self._random.choice(self.world.consumers)
            self.world.disconnect(model, is_orderly=self._random.random() < 0.5)

    def _hand_out(self) -> None:
        if self.world.consumers:
            self.world.hand_out(self._random.choice(self.world.consumers), self._random.randint(1, 5))

    def _acknowledge(self) -> None:
        model = self._answering_consumer()
        if model:
            self.world.acknowledge(model, self._random.choice(model.hand_outs[-6:]))

    def _reject(self) -> None:
        model = self._answering_consumer()
        if model:
            hand_out = self._random.choice(model.hand_outs[-6:])
            self.world.reject(model, hand_out, is_delayed=self._random.random() < 0.3)

    def _replay(self) -> None:
        self.world.replay(self._order())

    def _skip(self) -> None:
        self.world.skip(self._order())

    def _make_unreadable(self) -> None:
        self.world.unreadable.setdefault(self._order(), len(self.world.log))

    def _make_readable(self) -> None:
        self.world.unreadable.pop(self._order(), None)
        self.world.retry_unreadable()

    def _evict(self) -> None:
        self.world.dispatch.evict()

    def _order(self) -> str:
        return self._random.choice(ORDERS)

    def _answering_consumer(self) -> ConsumerModel | None:
        models = [model for model in self.world.consumers if model.hand_outs]
        return self._random.choice(models) if models else None


@pytest.mark.sampled
@pytest.mark.timeout(60 + RUNS)
@pytest.mark.parametrize(("max_ahead", "max_backlogs"), [(10_000, 10_000), (1, 10_000), (10_000, 1), (1, 2)])
def test_promises_hold_whatever_happens(max_ahead: int, max_backlogs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "MAX_ORDERS_AHEAD", max_ahead)
    monkeypatch.setattr(order_queues, "MAX_BACKLOGS", max_backlogs)
    for run in range(RUNS):
        work = RandomWork(Random(f"{SEED}/{run}"))
        try:
            for _ in range(STEPS):
                work.step()
            for model in list(work.world.consumers):
                work.world.disconnect(model)
            work.world.drain()
        except BaseException:
            print(f"ORDERTRAIL_SUBSCRIPTION_SEED={SEED}, run {run}")
            raise
