"""The lock finds every changed or removed sample, and no edit that keeps the meaning."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.corpus.add import CORPUS, add
from tests.corpus.samples_lock import LOCK_NAME, find_sample_gaps

from ordertrail.log.v1.record_pb2 import Record


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two samples: v2/OrderConfirmed-1 and v2/OrderConfirmed-2."""
    for event_id in ("a", "b"):
        record = Record(event_id=event_id, order_id="order-1", order_version=2)
        record.order_confirmed_v2.SetInParent()
        add(record.SerializeToString(), tmp_path)
    return tmp_path


def test_every_sample_is_unchanged() -> None:
    assert find_sample_gaps(CORPUS) == []


def test_added_sample_is_locked(corpus: Path) -> None:
    assert find_sample_gaps(corpus) == []


def test_different_white_space_is_no_change(corpus: Path) -> None:
    meaning = corpus / "v2" / "OrderConfirmed-1.json"
    meaning.write_text(json.dumps(json.loads(meaning.read_text())))
    assert find_sample_gaps(corpus) == []


def first(corpus: Path, suffix: str) -> Path:
    return corpus / "v2" / f"OrderConfirmed-1.{suffix}"


def remove(corpus: Path) -> None:
    first(corpus, "binpb").unlink()
    first(corpus, "json").unlink()


@pytest.mark.parametrize(
    ("change", "expected_gap"),
    [
        (lambda corpus: first(corpus, "binpb").write_bytes(b"\x12\x01x"), "added with other contents (bytes "),
        (lambda corpus: first(corpus, "json").write_text('{"eventId": "c"}'), "added with other contents (meaning "),
        (lambda corpus: first(corpus, "json").unlink(), "added with other contents (meaning "),
        (remove, "added with other contents (bytes "),
    ],
)
def test_changed_or_removed_sample_is_reported(
    corpus: Path, change: Callable[[Path], object], expected_gap: str
) -> None:
    change(corpus)
    [gap] = find_sample_gaps(corpus)
    assert gap.startswith("v2/OrderConfirmed-1 was ")
    assert expected_gap in gap


def test_sample_not_added_by_the_command_is_reported(corpus: Path) -> None:
    (corpus / "v2" / "OrderConfirmed-3.binpb").write_bytes(first(corpus, "binpb").read_bytes())
    [gap] = find_sample_gaps(corpus)
    assert gap.startswith("v2/OrderConfirmed-3 is not locked")


def test_sample_cannot_be_removed_from_the_lock(corpus: Path) -> None:
    remove(corpus)
    lock = corpus / LOCK_NAME
    text = lock.read_text()
    begin, end = text.index("v2/OrderConfirmed-1"), text.index("v2/OrderConfirmed-2")
    lock.write_text(text[:begin] + text[end:])
    assert [gap.split(":")[0] for gap in find_sample_gaps(corpus)] == [f"{LOCK_NAME}, line 4"]
