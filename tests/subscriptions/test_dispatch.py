"""Rules of hand-outs, one at a time. The random test checks that they hold together."""

import pytest
from tests.subscriptions.subscription_world import FRAME, ConsumerModel, SubscriptionWorld

from ordertrail_server.subscriptions import dispatch
from ordertrail_server.subscriptions.changes import Cause


def build_world(*order_ids: str, max_attempts: int = 2) -> SubscriptionWorld:
    world = SubscriptionWorld(max_attempts)
    for order_id in order_ids:
        world.append(order_id)
    return world


def take(world: SubscriptionWorld, model: ConsumerModel) -> list[tuple[int, int]]:
    """Let a consumer get all that it can; return the positions and attempts."""
    model.hand_outs.clear()
    world.read(100)
    world.hand_out(model, 100)
    world.commit()
    return [(hand_out.position, hand_out.attempt) for hand_out in model.hand_outs]


def test_events_of_an_order_are_handed_out_in_order_to_one_consumer() -> None:
    world = build_world("a", "b", "a", "b")
    first, second = world.connect(2), world.connect(9)
    assert take(world, first) == [(0, 1), (2, 1)]
    assert take(world, second) == [(1, 1), (3, 1)]


def test_consumer_can_take_the_events_of_an_order_one_at_a_time() -> None:
    world = build_world("a", "a", "b")
    consumer = world.connect(9)
    consumer.consumer.takes_one_event = True
    assert take(world, consumer) == [(0, 1), (2, 1)]
    world.acknowledge(consumer, consumer.hand_outs[0])
    assert take(world, consumer) == [(1, 1)]


def test_repeated_event_is_handed_out_alone_of_its_order() -> None:
    world = build_world("a", "a", "b")
    consumer = world.connect(9)
    take(world, consumer)
    world.reject(consumer, consumer.hand_outs[0])
    assert take(world, consumer) == [(0, 2)]
    world.acknowledge(consumer, consumer.hand_outs[0])
    assert take(world, consumer) == [(1, 2)]


def test_events_behind_a_rejected_one_count_no_attempt() -> None:
    world = build_world("a", "a", max_attempts=2)
    consumer = world.connect(9)
    take(world, consumer)
    world.reject(consumer, consumer.hand_outs[0])
    take(world, consumer)
    world.acknowledge(consumer, consumer.hand_outs[0])
    take(world, consumer)
    world.reject(consumer, consumer.hand_outs[0])  # its first rejection
    assert world.parked() == []
    take(world, consumer)
    world.reject(consumer, consumer.hand_outs[0])
    assert world.parked() == ["a"]


@pytest.mark.parametrize(("is_orderly", "parked"), [(True, []), (False, ["a"])])
def test_only_a_consumer_that_ends_out_of_order_counts_attempts(is_orderly: bool, parked: list[str]) -> None:
    world = build_world("a", max_attempts=2)
    for _ in range(2):
        consumer = world.connect(1)
        take(world, consumer)
        world.disconnect(consumer, is_orderly)
    assert world.parked() == parked


def test_attempts_before_a_crash_of_the_server_count() -> None:
    world = build_world("a", "b", max_attempts=2)
    for _ in range(2):
        take(world, world.connect(1))
        world.restart()
    assert take(world, world.connect(1)) == [(1, 1)]
    assert world.parked() == ["a"]


def test_acknowledgement_waits_for_the_events_before_it() -> None:
    world = build_world("a", "a")
    consumer = world.connect(9)
    take(world, consumer)
    first, second = consumer.hand_outs
    world.acknowledge(consumer, second)
    world.commit()
    assert world.confirmed == set()
    world.acknowledge(consumer, first)
    world.commit()
    assert world.confirmed == {0, 1}


def test_event_larger_than_all_credits_is_handed_out_alone() -> None:
    world = build_world("a", "b")
    consumer = world.connect(0)
    world.dispatch.add_credits(consumer.consumer, 2, 1)
    consumer.granted = 2
    world.read(9)
    [hand_out] = world.dispatch.hand_out(consumer.consumer, 9, 9 * len(FRAME), 0)
    assert hand_out.position == 0
    world.acknowledge(consumer, hand_out)
    assert world.dispatch.hand_out(consumer.consumer, 9, 9 * len(FRAME), 0)[0].position == 1


def test_saved_position_passes_an_order_that_others_are_far_ahead_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "MAX_ORDERS_AHEAD", 2)
    world = build_world("slow", "b", "c", "d", "e")
    slow, fast = world.connect(1), world.connect(9)
    take(world, slow)
    take(world, fast)
    for hand_out in list(fast.hand_outs):
        world.acknowledge(fast, hand_out)
    world.commit()
    backlog = world.state.orders["slow"].backlog
    assert backlog is not None
    assert (backlog.cause, backlog.position) == (Cause.LAGGING, 0)
    assert world.state.saved == [5]
    world.restart()
    assert take(world, world.connect(9)) == [(0, 2)]
