"""The mutants of the fold on the projection `orders`: defects in joining it with the tail of the log.

Each replaces one attribute of a class or module of the write path. If the attribute does not exist, its test fails.
"""

from collections.abc import Callable
from typing import Any

from tests.commands.simulation.mutant import Mutant, mutant

from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.tail import Tail
from ordertrail_server.facts import step as step_module
from ordertrail_server.facts.link import Link, request_key
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.chain import Verdict

Receipt = Callable[[Fold, str, str], Link | None]


@mutant("tail forgotten before the projection includes it", Fold, "note_projected")
def forget_tail_early(note_projected: Any) -> Any:
    return lambda self, offset: note_projected(self, self.position)


@mutant("tail entries applied to a state that includes them", Tail, "fold")
def apply_tail_twice(fold: Any) -> Any:
    return lambda self, order_id, stored, begin, end=None: fold(self, order_id, stored, 0, end)


@mutant("orders read together without the tail", Fold, "aggregates")
def read_projection_only(aggregates: Any) -> Any:
    return lambda self, order_ids: self._store.aggregates(order_ids)[0]


@mutant("own record added to the tail after its last report", Fold, "note_projected")
def forget_report(note_projected: Any) -> Any:
    def note_without_memory(self: Fold, offset: int) -> None:
        note_projected(self, offset)
        self._reported = 0

    return note_without_memory


@mutant("head of a projection that is ahead of the record", Fold, "_head_before")
def use_head_ahead(head_before: Any) -> Any:
    def stored_head(self: Fold, order_id: str, offset: int) -> Aggregate:
        head: Aggregate | None = head_before(self, order_id, offset)
        return self._store.head(order_id)[0] if head is None else head

    return stored_head


@mutant("head of the projection although the tail has a newer one", Fold, "_head_before")
def ignore_head_of_tail(head_before: Any) -> Any:
    def stored_head(self: Fold, order_id: str, offset: int) -> Aggregate | None:
        head, projected = self._store.head(order_id)
        return None if offset < projected else head

    return stored_head


@mutant("receipts of the projection only", Fold, "receipt")
def look_up_projection_only(receipt: Receipt) -> Receipt:
    return lambda self, order_id, request_id: self._store.receipt(order_id, request_key(request_id))


@mutant("receipts of the tail only", Fold, "receipt")
def look_up_tail_only(receipt: Receipt) -> Receipt:
    def receipt_in_tail(self: Fold, order_id: str, request_id: str) -> Link | None:
        entry = self._tail.receipt(order_id, request_key(request_id))
        return entry.link if entry else None

    return receipt_in_tail


@mutant("older links of the tail only", Fold, "_links_at")
def look_up_links_in_tail_only(links_at: Any) -> Any:
    return lambda self, order_id, version: self._tail.links_at(order_id, version)


@mutant("older links of the projection only", Fold, "_links_at")
def look_up_links_in_projection_only(links_at: Any) -> Any:
    return lambda self, order_id, version: self._store.links_at(order_id, version)


@mutant("cached order kept after another writer's record", Fold, "take")
def keep_cached_order(take: Any) -> Any:
    def take_and_keep(self: Fold, logged: Logged) -> Verdict | None:
        cached = self._hot.get(logged.key)
        verdict: Verdict | None = take(self, logged)
        if cached is not None:
            self._hot.put(logged.key, cached)
        return verdict

    return take_and_keep


@mutant("recorded refusals ignored", step_module, "judge")
def ignore_refusals(judge: Any) -> Any:
    def judge_without_refusals(*record: Any) -> Verdict:
        verdict: Verdict = judge(*record)
        return Verdict.VOID if verdict is Verdict.REFUSAL else verdict

    return judge_without_refusals


PROJECTION_MUTANTS = [value for value in globals().values() if isinstance(value, Mutant)]
