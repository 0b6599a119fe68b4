"""The mutants of the chain rule and the writer: fourteen defects from the model check, and one from chaos tests.

Each replaces one attribute of a class or module of the write path. If the attribute does not exist, its test fails.
"""

from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any

from tests.commands.simulation.mutant import LogWithAppend, Mutant, mutant

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_OVERLOADED
from ordertrail_server.commands import batch_plan as plan_module, prepare as prepare_module
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.batch_appender import BatchAppender
from ordertrail_server.commands.batch_plan import BatchPlan
from ordertrail_server.commands.command_refusal import version_mismatch
from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.follower import Follower
from ordertrail_server.commands.planned_record import PlannedRecord
from ordertrail_server.commands.tail import Tail
from ordertrail_server.facts import step as step_module
from ordertrail_server.facts.link import Link
from ordertrail_server.facts.step import Judged
from ordertrail_server.log.port import Entry, Logged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.chain import Verdict
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.reading import read

Judge = Callable[..., Verdict]
Receipt = Callable[[BatchPlan, Attempt, Aggregate], Any]
Append = Callable[[BatchAppender, BatchPlan], Awaitable[None]]
Settle = Callable[[BatchAppender, BatchPlan, int | None], Awaitable[None]]


def answer(attempt: Attempt, outcome: Answer) -> None:
    if not attempt.answer.done():
        attempt.answer.set_result(outcome)


# Servers link to facts only, and a version has one fact, so records of servers cannot show this defect. An injected
# record of the next version with another predecessor does (see injected_record).
@mutant("link by version number only", step_module, "judge")
def link_by_version(judge: Judge) -> Judge:
    def judge_by_version(head_version: int, head: bytes, version: int, *record: Any) -> Verdict:
        if version == head_version + 1:
            return Verdict.FACT
        return judge(head_version, head, version, *record)

    return judge_by_version


# No server names a void record as predecessor, so none can be accepted wrongly. The defect is to treat a late record,
# which names an older fact, as damage.
@mutant("void predecessors ignored", step_module, "judge")
def ignore_void_predecessors(judge: Judge) -> Judge:
    def judge_void_as_broken(*record: Any) -> Verdict:
        verdict = judge(*record)
        return Verdict.BROKEN if verdict is Verdict.VOID else verdict

    return judge_void_as_broken


# The chain rule needs no set of void records. With one, a fact that was appended twice is in it, although it is the
# head.
@mutant("a void set consulted before the head", Fold, "take")
def consult_void_set(take: Any) -> Any:
    def take_unless_void(self: Fold, logged: Logged) -> Verdict | None:
        void_digests: set[bytes] = vars(self).setdefault("void", set())
        reading = read(logged.value)
        if reading is not None and reading.event.previous in void_digests:
            self.position = logged.offset + 1
            return Verdict.VOID
        verdict: Verdict | None = take(self, logged)
        if verdict is Verdict.VOID:
            void_digests.add(logged.digest)
        return verdict

    return take_unless_void


@mutant("acknowledge on delivery without folding", BatchAppender, "append")
def acknowledge_on_delivery(append: Append) -> Append:
    async def append_and_acknowledge(self: BatchAppender, plan: BatchPlan) -> None:
        async def deliver(log: Any, partition: int, entries: Sequence[Entry]) -> list[int]:
            offsets: list[int] = await log.append(partition, entries)
            offsets_by_record = {id(planned): offset for planned, offset in zip(plan.records, offsets, strict=True)}
            for attempt, outcome in plan.outcomes:
                if isinstance(outcome, PlannedRecord):
                    replayed = outcome.link.digest != attempt.appended_digest
                    answer(attempt, outcome.answer(outcome.link_at(offsets_by_record[id(outcome)]), replayed))
            return offsets

        await append_by(deliver, append, self, plan)

    return append_and_acknowledge


async def append_by(deliver: Any, append: Append, appender: BatchAppender, plan: BatchPlan) -> None:
    log = appender._log
    appender._log = LogWithAppend(log, deliver)
    try:
        await append(appender, plan)
    finally:
        appender._log = log


@mutant("refusal without querying the end", Follower, "fold_missed_records")
def refuse_without_query(fold_missed: Any) -> Any:
    async def fold_nothing(self: Follower, has_caught_up: bool) -> bool:
        return False

    return fold_nothing


# Another broker may have become leader meanwhile, so an end offset alone proves nothing.
@mutant("refusal on a stale end offset", Follower, "fold_missed_records")
def refuse_on_stale_end(fold_missed: Any) -> Any:
    async def fold_to_queried_end(self: Follower, has_caught_up: bool) -> bool:
        return not has_caught_up and await self.catch_up()

    return fold_to_queried_end


# The next two use the state after a batch before the batch's records are known to be facts.
@mutant("refusal from unconfirmed state", BatchAppender, "append")
def refuse_from_unconfirmed_state(append: Append) -> Append:
    async def refuse_and_append(self: BatchAppender, plan: BatchPlan) -> None:
        unconfirmed = {planned.entry.key for planned in plan.records}
        for attempt, outcome in plan.outcomes:
            if isinstance(outcome, Refusal) and attempt.order_id in unconfirmed:
                answer(attempt, outcome)
        await append(self, plan)

    return refuse_and_append


@mutant("replay from unconfirmed state", BatchAppender, "append")
def replay_from_unconfirmed_state(append: Append) -> Append:
    async def replay_and_append(self: BatchAppender, plan: BatchPlan) -> None:
        offsets_by_record = {id(planned): offset for offset, planned in enumerate(plan.records, self._fold.position)}
        for attempt, outcome in plan.outcomes:
            if isinstance(outcome, PlannedRecord) and outcome.link.digest != attempt.appended_digest:
                answer(attempt, outcome.answer(outcome.link_at(offsets_by_record[id(outcome)]), True))
        await append(self, plan)

    return replay_and_append


@mutant("no receipts", BatchPlan, "_find_receipt")
def find_no_receipt(receipt: Receipt) -> Receipt:
    return lambda self, attempt, before: None


@mutant("last receipt only", Tail, "add")
def keep_last_receipt(add: Any) -> Any:
    def add_last(self: Tail, logged: Logged, judged: Judged, link: Link | None) -> None:
        self._receipts = {key: entry for key, entry in self._receipts.items() if key[0] != logged.key}
        add(self, logged, judged, link)

    return add_last


@mutant("receipts looked up at the first decision only", BatchPlan, "_find_receipt")
def find_receipt_once(receipt: Receipt) -> Receipt:
    return lambda self, attempt, before: None if attempt.appended_digest else receipt(self, attempt, before)


@mutant("random order id for a retried place_order", prepare_module, "derive_id")
def derive_random_order_id(derive_id: Any) -> Any:
    numbers = count()
    return lambda scope, request_id: f"random-{next(numbers)}"


@mutant("expected_version before the receipt", BatchPlan, "_find_receipt")
def check_version_first(receipt: Receipt) -> Receipt:
    def receipt_of_expected_version(self: BatchPlan, attempt: Attempt, before: Aggregate) -> Any:
        if not attempt.is_new_order and plan_module._is_version_mismatch(attempt, before):
            return version_mismatch(attempt, before)
        return receipt(self, attempt, before)

    return receipt_of_expected_version


# UNAVAILABLE would be true, because it leaves the outcome open. OVERLOADED states that the command was not executed.
@mutant("time-out reported as failure", BatchAppender, "_settle")
def report_failure(settle: Settle) -> Settle:
    async def refuse_and_settle(self: BatchAppender, plan: BatchPlan, end: int | None) -> None:
        for attempt in plan.attempts if end is None else ():
            answer(attempt, Refusal(ERROR_REASON_OVERLOADED, "The append timed out."))
        await settle(self, plan, end)

    return refuse_and_settle


@mutant("fast path by first offset only", BatchAppender, "append")
def trust_first_offset(append: Append) -> Append:
    async def append_trusting_first_offset(self: BatchAppender, plan: BatchPlan) -> None:
        async def deliver(log: Any, partition: int, entries: Sequence[Entry]) -> list[int]:
            offsets: list[int] = await log.append(partition, entries)
            return list(range(offsets[0], offsets[0] + len(offsets)))

        await append_by(deliver, append, self, plan)

    return append_trusting_first_offset


CHAIN_MUTANTS = [value for value in globals().values() if isinstance(value, Mutant)]
