"""The checks of a run with kills find each broken promise."""

import json

import pytest
from tests.e2e.kills.side_effects import (
    Effect,
    EventName,
    assert_consumers_kept_their_promises,
    assert_posts_kept_their_promises,
)
from tests.webhooks.receiver import ReceivedPost

FIRST, SECOND = ("order", 1, "event-1"), ("order", 2, "event-2")
FACTS = {FIRST, SECOND}


def delivered(name: EventName, attempt: int = 1) -> Effect:
    return Effect("delivered", name, f"delivery-{name[1]}", (1, attempt))


def confirmed(name: EventName, attempt: int = 1) -> Effect:
    return delivered(name, attempt)._replace(kind="confirmed")


def post(name: EventName, delivery_id: str = "", extra: str = "") -> ReceivedPost:
    order_id, version, event_id = name
    body = json.dumps({"id": event_id, "subject": order_id, "data": {"orderVersion": str(version)}, "extra": extra})
    return ReceivedPost("/", {"webhook-id": delivery_id or event_id}, body)


def test_repetitions_before_a_confirmation_are_allowed() -> None:
    lines = [delivered(FIRST), delivered(FIRST, 2), confirmed(FIRST, 2), delivered(SECOND), delivered(FIRST)]
    assert_consumers_kept_their_promises(lines, FACTS)
    assert_posts_kept_their_promises([post(FIRST), post(FIRST), post(SECOND)], FACTS)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([delivered(FIRST), confirmed(FIRST), delivered(FIRST, 2), delivered(SECOND)], "after its confirmation"),
        ([delivered(SECOND), delivered(FIRST)], "before its predecessor"),
        ([delivered(FIRST), delivered(("order", 2, "another"))], "has no fact"),
        ([delivered(FIRST)], "1 facts had no effect"),
    ],
)
def test_broken_promise_to_consumers_is_found(lines: list[Effect], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        assert_consumers_kept_their_promises(lines, FACTS)


@pytest.mark.parametrize(
    ("posts", "fault"),
    [
        ([post(FIRST), post(FIRST, extra="x"), post(SECOND)], "two bodies"),
        ([post(SECOND), post(FIRST)], "before its predecessor"),
        ([post(FIRST), post(("order", 2, "another"))], "has no fact"),
        ([post(FIRST)], "1 facts had no POST"),
    ],
)
def test_broken_promise_of_posts_is_found(posts: list[ReceivedPost], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        assert_posts_kept_their_promises(posts, FACTS)
