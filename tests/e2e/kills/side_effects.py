"""Side effects of a run with kills: those of consumers in processes of their own, and the POSTs of a webhook.

`assert_promises` checks what docs/subscriptions.md and docs/webhooks.md promise of them.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.reference_fold import ReferenceFold
from tests.e2e.running_server import build_environment
from tests.webhooks.receiver import ReceivedPost

EventName = tuple[str, int, str]
"""Order id, version and event id."""


class ConsumerProcess:
    """A consumer that can be killed. After a restart it appends to the same file."""

    def __init__(self, address: str, subscription: str, path: Path, seed: str) -> None:
        self._arguments = [address, subscription, str(path), seed]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = str(Path(__file__).with_name("consumer_process.py"))
        self._process = subprocess.Popen([sys.executable, program, *self._arguments], env=build_environment())

    def restart(self) -> None:
        """Kill it, and start it again."""
        self.close()
        self.start()

    def close(self) -> None:
        """Kill it if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Effect(NamedTuple):
    """A line of the file of effects."""

    kind: str
    name: EventName
    delivery_id: str
    hand_out: tuple[int, int]


def read_effects(path: Path) -> list[Effect]:
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return [_effect(line) for line in lines]


def assert_consumers_kept_their_promises(effects: Iterable[Effect], facts: set[EventName]) -> None:
    """Each effect has its fact, each fact its effect, in order, and none comes again after its confirmation."""
    versions: defaultdict[str, set[int]] = defaultdict(set)
    confirmed: dict[str, tuple[int, int]] = {}
    for effect in effects:
        order_id, version, _ = effect.name
        assert effect.name in facts, f"{effect} has no fact"
        if effect.kind == "confirmed":
            confirmed[effect.delivery_id] = effect.hand_out
            continue
        # A consumer may note late what it had received before.
        last = confirmed.get(effect.delivery_id)
        assert last is None or effect.hand_out <= last, f"{effect} was handed out after its confirmation"
        assert version == 1 or version - 1 in versions[order_id], f"{effect} came before its predecessor"
        versions[order_id].add(version)
    missing = {fact for fact in facts if fact[1] not in versions[fact[0]]}
    assert not missing, f"{len(missing)} facts had no effect"


def assert_posts_kept_their_promises(posts: Iterable[ReceivedPost], facts: set[EventName]) -> None:
    """Each POST has its fact, each fact its POST, in order, and all POSTs with one id have the same body."""
    bodies: dict[str, str] = {}
    versions: defaultdict[str, set[int]] = defaultdict(set)
    for post in posts:
        assert bodies.setdefault(post.delivery_id, post.body) == post.body, f"{post.delivery_id} has two bodies"
        order_id, version, event_id = name = _name_in(post)
        assert name in facts, f"the POST of {event_id} has no fact"
        assert version == 1 or version - 1 in versions[order_id], f"the POST of {name} came before its predecessor"
        versions[order_id].add(version)
    missing = {fact for fact in facts if fact[1] not in versions[fact[0]]}
    assert not missing, f"{len(missing)} facts had no POST"


def fact_names(reference: ReferenceFold) -> set[EventName]:
    events = (fact.reading.event for fact in reference.facts)
    return {(event.order_id, event.order_version, event.event_id) for event in events}


def _effect(line: dict[str, Any]) -> Effect:
    epoch, attempt = line["hand_out"]
    name = (line["order"], line["version"], line["event"])
    return Effect(line["kind"], name, line["delivery"], (epoch, attempt))


def _name_in(post: ReceivedPost) -> EventName:
    event = json.loads(post.body)
    return event["subject"], int(event["data"]["orderVersion"]), event["id"]
