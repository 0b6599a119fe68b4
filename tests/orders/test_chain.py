"""The chain rule gives every record exactly one verdict."""

from collections.abc import Collection
from hashlib import sha256
from itertools import accumulate
from typing import NamedTuple

from hypothesis import given, strategies as st

from ordertrail_server.orders.chain import LINKS, NO_PREDECESSOR, Verdict, digest, judge

VERSIONS = st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1)
"""Any version that a record can carry."""


class Predecessor(NamedTuple):
    """What a record names as its predecessor: a digest, and the version that the order has there."""

    version: int
    digest: bytes


START = Predecessor(0, NO_PREDECESSOR)


def build_chain(links: list[tuple[bytes, bool]]) -> list[Predecessor]:
    """Return all possible predecessors on a chain, the newest last; a link is (stored bytes, whether it refuses)."""
    versions = accumulate(not is_refusal for _, is_refusal in links)
    return [
        START,
        *(Predecessor(version, digest(stored)) for version, (stored, _) in zip(versions, links, strict=True)),
    ]


STORED_LINKS = st.lists(st.tuples(st.binary(max_size=8), st.booleans()), unique_by=lambda link: link[0], max_size=8)
CHAINS = STORED_LINKS.map(build_chain)
"""The chains of orders with facts and recorded refusals."""


def judge_record(chain: list[Predecessor], version: int, previous: bytes, is_refusal: bool) -> Verdict:
    head_version, head = chain[-1]

    def links_at(version: int) -> Collection[bytes]:
        assert 0 <= version <= head_version, "links_at may be called only for versions of the order"
        return [link.digest for link in chain[1:] if link.version == version]

    return judge(head_version, head, version, previous, is_refusal, links_at)


def judge_follower(chain: list[Predecessor], predecessor: Predecessor, is_refusal: bool) -> Verdict:
    """Judge a record that names a predecessor and has the version that follows from it."""
    version = predecessor.version if is_refusal else predecessor.version + 1
    return judge_record(chain, version, predecessor.digest, is_refusal)


@st.composite
def records(draw: st.DrawFn) -> tuple[list[Predecessor], int, bytes, bool]:
    chain = draw(CHAINS)
    previous = draw(st.sampled_from(chain).map(lambda link: link.digest) | st.binary(max_size=16))
    return chain, draw(VERSIONS), previous, draw(st.booleans())


def test_digest_is_the_first_16_bytes_of_sha256() -> None:
    assert digest(b"ordertrail") == sha256(b"ordertrail").digest()[:16]


@given(records())
def test_every_record_gets_exactly_the_defined_verdict(record: tuple[list[Predecessor], int, bytes, bool]) -> None:
    chain, version, previous, is_refusal = record
    predecessor = Predecessor(version if is_refusal else version - 1, previous)
    holds = {
        Verdict.FACT: predecessor == chain[-1] and not is_refusal,
        Verdict.REFUSAL: predecessor == chain[-1] and is_refusal,
        Verdict.VOID: predecessor in chain[:-1],
        Verdict.BROKEN: predecessor not in chain,
    }
    assert [verdict for verdict, true in holds.items() if true] == [judge_record(*record)]


@given(CHAINS, st.booleans())
def test_record_that_names_newest_link_is_a_link(chain: list[Predecessor], is_refusal: bool) -> None:
    assert judge_follower(chain, chain[-1], is_refusal) is (Verdict.REFUSAL if is_refusal else Verdict.FACT)


@given(STORED_LINKS.filter(bool), st.data())
def test_duplicate_of_any_link_is_void(links: list[tuple[bytes, bool]], data: st.DataObject) -> None:
    chain = build_chain(links)
    place = data.draw(st.integers(0, len(links) - 1))
    assert judge_follower(chain, chain[place], links[place][1]) is Verdict.VOID


@given(CHAINS.filter(lambda chain: len(chain) > 1), st.booleans())
def test_second_record_with_same_predecessor_is_void(chain: list[Predecessor], is_refusal: bool) -> None:
    assert judge_follower(chain[:-1], chain[-2], is_refusal) in LINKS
    assert judge_follower(chain, chain[-2], is_refusal) is Verdict.VOID


@given(STORED_LINKS.filter(bool), st.booleans(), st.data())
def test_record_after_changed_predecessor_is_broken(
    links: list[tuple[bytes, bool]], is_refusal: bool, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(links) - 1))
    named = build_chain(links)[place + 1]
    changed = [*links[:place], (links[place][0] + b"!changed!", links[place][1]), *links[place + 1 :]]
    assert judge_follower(build_chain(changed), named, is_refusal) is Verdict.BROKEN


@given(CHAINS, st.booleans(), st.data())
def test_record_that_leaves_a_gap_is_broken_with_any_predecessor(
    chain: list[Predecessor], is_refusal: bool, data: st.DataObject
) -> None:
    version = data.draw(st.integers(chain[-1].version + 2, 2**63 - 1))
    assert judge_record(chain, version, data.draw(st.sampled_from(chain)).digest, is_refusal) is Verdict.BROKEN


@given(CHAINS.filter(lambda chain: chain[-1].version > 0), st.booleans())
def test_old_record_is_broken_if_digest_of_its_predecessor_is_unknown(
    chain: list[Predecessor], is_refusal: bool
) -> None:
    head = chain[-1].digest
    assert judge(9, head, 5, head, is_refusal, lambda version: ()) is Verdict.BROKEN
