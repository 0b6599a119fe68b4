"""The fourteen defects that the chain rule's model check names, and one that chaos found, each as a text to replace."""

from typing import NamedTuple

CHAIN = "ordertrail_server.orders.chain"
FOLD = "ordertrail_server.commands.fold"
DRAFT = "ordertrail_server.commands.draft"
PREPARE = "ordertrail_server.commands.prepare"
WRITER = "ordertrail_server.commands.writer"


class Mutant(NamedTuple):
    """A defect: in `module`, `original` (which stands there once) reads `replacement`."""

    name: str
    module: str
    original: str
    replacement: str


MUTANTS = [
    # Servers link to facts only, and a version has one fact, so their own records never tell the two rules apart:
    # what does is damage, a record of the right version on another past (see strangers).
    Mutant(
        "link by version number only",
        CHAIN,
        "if version == head_version + 1 and previous == head:",
        "if version == head_version + 1:",
    ),
    # No server names a void record as predecessor, so there is none to accept wrongly. What can be forgotten is that
    # a late record names an older fact, and is no damage.
    Mutant("void predecessors ignored", CHAIN, "return Verdict.VOID", "return Verdict.BROKEN"),
    # Our rule keeps no set of void records. With one, a fact that landed twice is in it, though it is the head.
    Mutant(
        "a void set consulted before the head",
        FOLD,
        "        verdict = judge(before.version, before.head, version, previous, partial(self._digest_of, order_id))\n",
        "        void = self.__dict__.setdefault('void', set())\n"
        "        verdict = judge(before.version, before.head, version, previous, partial(self._digest_of, order_id))\n"
        "        if previous in void:\n"
        "            verdict = Verdict.VOID\n"
        "        if verdict is Verdict.VOID:\n"
        "            void.add(digest)\n",
    ),
    Mutant(
        "acknowledge on delivery without folding",
        WRITER,
        "            await self._settle(draft, max(offsets) + 1)\n",
        "            self._company.met()\n"
        "            places = {id(planned): offset for planned, offset in zip(draft.planned, offsets)}\n"
        "            for attempt, outcome in draft.outcomes:\n"
        "                if isinstance(outcome, Planned):\n"
        "                    replayed = outcome.fact.digest != attempt.written\n"
        "                    answer(attempt, outcome.accepted(places[id(outcome)], replayed))\n"
        "            self._again(draft.attempts)\n"
        "            await self.fold.catch_up(max(offsets) + 1)\n",
    ),
    Mutant(
        "refusal without asking for the end",
        WRITER,
        "if draft.denies and not (draft.planned or new) and await self._was_behind(asks):",
        "if False:",
    ),
    # Where another broker may lead meanwhile, the word of the one that is asked is not enough.
    Mutant("refusal on a leader's word", WRITER, "if self._log.end_is_sure:", "if True:"),
    # Both rest on what a batch would make of an order before it is known that the batch became facts.
    Mutant(
        "refusal from unconfirmed state",
        WRITER,
        "        expected = self.fold.position\n",
        "        expected = self.fold.position\n"
        "        unconfirmed = {planned.entry.key for planned in draft.planned}\n"
        "        for attempt, outcome in draft.outcomes:\n"
        "            if isinstance(outcome, Refusal) and attempt.order_id in unconfirmed:\n"
        "                answer(attempt, outcome)\n",
    ),
    Mutant(
        "replay from unconfirmed state",
        WRITER,
        "        expected = self.fold.position\n",
        "        expected = self.fold.position\n"
        "        places = {id(planned): place for place, planned in enumerate(draft.planned, expected)}\n"
        "        for attempt, outcome in draft.outcomes:\n"
        "            if isinstance(outcome, Planned) and outcome.fact.digest != attempt.written:\n"
        "                answer(attempt, outcome.accepted(places[id(outcome)], True))\n",
    ),
    Mutant(
        "no receipts",
        DRAFT,
        "        if attempt.new_order:\n            return None\n        key =",
        "        return None\n        key =",
    ),
    Mutant(
        "last receipt only",
        FOLD,
        "        self.receipts.setdefault((order_id, fact.request_id), fact)\n",
        "        self.receipts = {key: kept for key, kept in self.receipts.items() if key[0] != order_id}\n"
        "        self.receipts[order_id, fact.request_id] = fact\n",
    ),
    Mutant(
        "receipts looked up at the first decision only",
        DRAFT,
        "(attempt, self._receipt(attempt) or self._decide(attempt))",
        "(attempt, (not attempt.written and self._receipt(attempt)) or self._decide(attempt))",
    ),
    Mutant(
        "random order id for a retried place",
        PREPARE,
        "order_id = derive_order_id(request.customer_id, named)",
        "order_id = new_id()",
    ),
    Mutant(
        "expected_version before the receipt",
        DRAFT,
        "        if attempt.new_order:\n            return None\n        key =",
        "        if attempt.new_order:\n            return None\n"
        "        if _mismatch(attempt, self._aggregate(attempt)):\n"
        "            return _version_mismatch(attempt, self._aggregate(attempt))\n"
        "        key =",
    ),
    # UNAVAILABLE would be no lie: it leaves open what became of the command. OVERLOADED says it was not taken.
    Mutant(
        "time-out reported as failure",
        WRITER,
        "            await self._settle(draft, None)\n",
        "            for attempt in draft.attempts:\n"
        "                answer(attempt, OVERLOADED.refusal)\n"
        "            await self._settle(draft, None)\n",
    ),
    Mutant(
        "fast path by first offset only",
        WRITER,
        "if offsets == list(range(expected, expected + len(offsets))):",
        "if offsets[0] == expected:",
    ),
]
