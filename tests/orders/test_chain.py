"""The chain rule gives every record exactly one verdict."""

from hashlib import sha256

from hypothesis import given, strategies as st

from ordertrail_server.orders.chain import NO_PREDECESSOR, Verdict, digest, judge

FACTS = st.lists(st.binary(max_size=8), unique=True, max_size=8)
"""The stored bytes of an order's facts, from version 1 on."""

VERSIONS = st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1)
"""Any version that a record can carry."""


def judge_record(facts: list[bytes], version: int, previous: bytes) -> Verdict:
    def digest_of(version: int) -> bytes | None:
        assert 1 <= version < len(facts), "digest_of may be called only for facts below the head"
        return digest(facts[version - 1])

    head = digest(facts[-1]) if facts else NO_PREDECESSOR
    return judge(len(facts), head, version, previous, digest_of)


def link(facts: list[bytes], version: int) -> bytes:
    """Return the predecessor that a valid record of this version names."""
    return digest(facts[version - 2]) if version > 1 else NO_PREDECESSOR


@st.composite
def records(draw: st.DrawFn) -> tuple[list[bytes], int, bytes]:
    facts = draw(FACTS)
    links = [link(facts, version) for version in range(1, len(facts) + 2)]
    return facts, draw(VERSIONS), draw(st.sampled_from(links) | st.binary(max_size=16))


def test_digest_is_the_first_16_bytes_of_sha256() -> None:
    assert digest(b"ordertrail") == sha256(b"ordertrail").digest()[:16]


@given(records())
def test_every_record_gets_exactly_the_defined_verdict(record: tuple[list[bytes], int, bytes]) -> None:
    facts, version, previous = record
    names_the_fact_before = 1 <= version <= len(facts) + 1 and previous == link(facts, version)
    holds = {
        Verdict.FACT: names_the_fact_before and version == len(facts) + 1,
        Verdict.VOID: names_the_fact_before and version <= len(facts),
        Verdict.BROKEN: not names_the_fact_before,
    }
    assert [verdict for verdict, true in holds.items() if true] == [judge_record(facts, version, previous)]


@given(FACTS)
def test_next_record_is_a_fact(facts: list[bytes]) -> None:
    assert judge_record(facts, len(facts) + 1, link(facts, len(facts) + 1)) is Verdict.FACT


@given(FACTS, st.data())
def test_duplicate_of_any_fact_is_void(facts: list[bytes], data: st.DataObject) -> None:
    version = data.draw(st.integers(1, max(1, len(facts))))
    expected = Verdict.VOID if facts else Verdict.FACT
    assert judge_record(facts, version, link(facts, version)) is expected


@given(FACTS.filter(bool), st.data())
def test_second_record_with_same_predecessor_is_void(facts: list[bytes], data: st.DataObject) -> None:
    *before, _ = facts
    loser = len(facts), link(before, len(facts))
    assert judge_record(before, *loser) is Verdict.FACT
    assert judge_record(facts, *loser) is Verdict.VOID


@given(FACTS.filter(bool), st.data())
def test_record_after_changed_predecessor_is_broken(facts: list[bytes], data: st.DataObject) -> None:
    version = data.draw(st.integers(2, len(facts) + 1))
    named = link(facts, version)
    changed = list(facts)
    changed[version - 2] += b"!"
    assert judge_record(changed, version, named) is Verdict.BROKEN


@given(FACTS, st.data())
def test_record_that_leaves_a_gap_is_broken_with_any_predecessor(facts: list[bytes], data: st.DataObject) -> None:
    version = data.draw(st.integers(len(facts) + 2, 2**63 - 1))
    previous = data.draw(st.sampled_from([link(facts, v) for v in range(1, len(facts) + 2)]))
    assert judge_record(facts, version, previous) is Verdict.BROKEN


@given(FACTS.filter(bool))
def test_old_record_is_broken_if_digest_of_its_predecessor_is_unknown(facts: list[bytes]) -> None:
    head = digest(facts[-1])
    assert judge(9, head, 5, head, lambda version: None) is Verdict.BROKEN
