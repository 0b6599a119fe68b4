"""The webhook of a subscription as a part of its fold: given changes, then."""

import pytest
from tests.subscriptions.state_records import FIRST, claimed, created, record

from ordertrail_server.subscriptions.changes import Change, Done, HandedOut, weigh
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.state_record import StateRecord
from ordertrail_server.subscriptions.webhook_changes import (
    Attempted,
    Prepared,
    SecretAdded,
    SecretRevoked,
    WebhookDisabled,
    WebhookSet,
)
from ordertrail_server.subscriptions.webhook_state import (
    FINISHED_BYTES,
    MAX_ATTEMPTS_KEPT,
    MAX_FINISHED,
    UNFINISHED_BYTES,
    WebhookState,
)

CONFIG = WebhookSet("https://shop.example/", 15.0, 5, True)
SECRET = SecretAdded("s-1", "whsec_1", "whsk_1", "whpk_1", 7)


def prepared(order_id: str, position: int, body: str = "{}") -> Prepared:
    return Prepared(order_id, position, "ordertrail.v1.OrderPlaced", position, body)


def attempted(position: int, status: int = 200, number: int = 1) -> Attempted:
    return Attempted(position, number, 1, 2, status, "", "ok")


def fold(*changes: Change) -> SubscriptionState:
    state = SubscriptionState()
    for step in (created(), claimed(FIRST), record(FIRST, CONFIG, SECRET), record(FIRST, *changes)):
        assert state.fold(StateRecord.from_text(step.uid, step.to_text()))
    return state


def webhook_of(*changes: Change) -> WebhookState:
    webhook = fold(*changes).webhook
    assert webhook is not None
    return webhook


def test_subscription_without_webhook_ignores_its_changes() -> None:
    state = SubscriptionState()
    state.fold(created())
    state.apply(prepared("o-1", 5))
    assert state.webhook is None


def test_delivery_is_unfinished_until_its_event_is_done() -> None:
    changes = (prepared("o-1", 5), prepared("o-2", 6), attempted(5, 500), attempted(5, 200, 2))
    webhook = webhook_of(*changes)
    assert (list(webhook.unfinished), list(webhook.finished)) == ([5, 6], [])
    webhook = webhook_of(*changes, Done("o-1", 5))
    assert (list(webhook.unfinished), list(webhook.finished)) == ([6], [5])
    assert [attempt.status for attempt in webhook.finished[5].attempts] == [500, 200]


def test_first_body_counts() -> None:
    assert webhook_of(prepared("o-1", 5, "first"), prepared("o-1", 5, "second")).unfinished[5].prepared.body == "first"


def test_revoked_secret_is_forgotten() -> None:
    second = SECRET._replace(secret_id="s-2")
    assert list(webhook_of(second, SecretRevoked("s-1")).secrets) == ["s-2"]


def test_log_forgets_the_delivery_that_finished_first() -> None:
    changes = [c for at in range(MAX_FINISHED + 3) for c in (prepared(f"o-{at}", at), Done(f"o-{at}", at))]
    webhook = webhook_of(*changes)
    assert list(webhook.finished) == list(range(3, MAX_FINISHED + 3))
    assert webhook.finished_bytes == 2 * MAX_FINISHED


def test_log_has_a_limit_of_bytes_but_keeps_the_last_delivery() -> None:
    large = "x" * (FINISHED_BYTES // 2)
    changes = [c for at in range(3) for c in (prepared("o", at, large), Done("o", at))]
    assert list(webhook_of(*changes).finished) == [1, 2]
    huge = prepared("o", 9, "x" * (FINISHED_BYTES + 1))
    assert list(webhook_of(*changes, huge, Done("o", 9)).finished) == [9]


def test_delivery_remembers_its_last_attempts() -> None:
    webhook = webhook_of(prepared("o-1", 5), *(attempted(5, 500, number) for number in range(1, 30)))
    assert [a.attempt for a in webhook.unfinished[5].attempts] == list(range(30 - MAX_ATTEMPTS_KEPT, 30))


def test_large_unfinished_bodies_leave_no_room() -> None:
    webhook = webhook_of(prepared("o-1", 5, "x" * UNFINISHED_BYTES))
    assert not webhook.has_room
    webhook.note_done("o-1", 5)
    assert webhook.has_room


@pytest.mark.parametrize("is_finished", [False, True])
def test_texts_of_attempts_count_like_bodies_while_they_are_remembered(is_finished: bool) -> None:
    failure = attempted(5, 500)._replace(error="refused", response="ü" * 500)
    end = [Done("o-1", 5)] if is_finished else []
    attempts = [failure] * (MAX_ATTEMPTS_KEPT + 5)
    webhook = webhook_of(prepared("o-1", 5), *end, *attempts)
    size = len("{}") + MAX_ATTEMPTS_KEPT * (7 + 1000)
    assert (webhook.unfinished_bytes, webhook.finished_bytes) == ((0, size) if is_finished else (size, 0))
    assert webhook_of(prepared("o-1", 5), *attempts, Done("o-1", 5)).finished_bytes == size


def test_long_responses_to_finished_deliveries_are_forgotten_too() -> None:
    deliveries = [c for at in range(MAX_FINISHED) for c in (prepared(f"o-{at}", at), Done(f"o-{at}", at))]
    long = [attempted(at, 500)._replace(response="x" * 2_000) for at in range(MAX_FINISHED) for _ in range(5)]
    webhook = webhook_of(*deliveries, *long)
    responses = [attempt.response for delivery in webhook.finished.values() for attempt in delivery.attempts]
    assert 0 < sum(map(len, responses)) <= FINISHED_BYTES
    assert webhook.finished_bytes == sum(delivery.size for delivery in webhook.finished.values())


def test_deliveries_are_listed_newest_first() -> None:
    webhook = webhook_of(prepared("o-1", 5), prepared("o-2", 6), prepared("o-3", 7), Done("o-2", 6))
    assert [delivery.prepared.position for delivery in webhook.deliveries()] == [7, 6, 5]


@pytest.mark.parametrize(
    "changes",
    [
        (prepared("o-1", 5), attempted(5, 500), HandedOut("o-1", 5, 1)),
        (prepared("o-1", 5), attempted(5), Done("o-1", 5), attempted(5, 418, 0), prepared("o-1", 8)),
        (prepared("o-2", 6), prepared("o-1", 5), Done("o-2", 6), Done("o-1", 5), WebhookDisabled("gone")),
        (SECRET._replace(secret_id="s-2"), SecretRevoked("s-1"), CONFIG._replace(url="https://other.example/")),
    ],
)
def test_snapshot_leads_to_the_same_webhook(changes: tuple[Change, ...]) -> None:
    state = fold(*changes)
    snapshot = StateRecord("uid-1", FIRST, tuple(state.to_changes()))
    again = SubscriptionState()
    again.fold(StateRecord.from_text("uid-1", snapshot.to_text()))
    assert again.webhook == state.webhook


def test_long_text_weighs_as_much_as_many_changes() -> None:
    assert weigh([Done("o-1", 5), prepared("o-1", 6, "x" * 5_000)]) == 12
    assert weigh([attempted(5), attempted(5)._replace(response="x" * 1_000)]) == 4
