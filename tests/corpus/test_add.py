"""Adding a sample never changes the samples that exist."""

from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson, Parse
from tests.corpus import add as adding
from tests.corpus.add import NotASample, add, main

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent


def build_confirmed(event_id: str) -> bytes:
    record = Record(event_id=event_id, order_id="order-1", order_version=2)
    record.order_confirmed_v2.SetInParent()
    return record.SerializeToString()


def test_add_writes_the_bytes_and_their_meaning(tmp_path: Path) -> None:
    path = add(build_confirmed("a"), tmp_path)
    assert path == tmp_path / "v2" / "OrderConfirmed-1.binpb"
    assert path.read_bytes() == build_confirmed("a")
    meaning = Parse(path.with_suffix(".json").read_text(), HistoryEvent())
    assert meaning.event_id == "a"
    assert meaning.WhichOneof("event") == "order_confirmed"


def test_second_sample_gets_the_next_number(tmp_path: Path) -> None:
    first = add(build_confirmed("a"), tmp_path)
    second = add(build_confirmed("b"), tmp_path)
    assert second.name == "OrderConfirmed-2.binpb"
    assert (first.read_bytes(), second.read_bytes()) == (build_confirmed("a"), build_confirmed("b"))


def test_add_never_overwrites_a_meaning(tmp_path: Path) -> None:
    (tmp_path / "v2").mkdir()
    meaning = tmp_path / "v2" / "OrderConfirmed-1.json"
    meaning.write_text("kept")
    with pytest.raises(FileExistsError):
        add(build_confirmed("a"), tmp_path)
    assert meaning.read_text() == "kept"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "The bytes are not a record."),
        (Record(order_id="order-1").SerializeToString(), "the record holds no event"),
    ],
)
def test_unreadable_record_is_not_added(tmp_path: Path, value: bytes, reason: str) -> None:
    with pytest.raises(NotASample, match=reason):
        add(value, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_existing_record_is_not_added_again(tmp_path: Path) -> None:
    add(build_confirmed("a"), tmp_path)
    with pytest.raises(NotASample, match="already"):
        add(build_confirmed("a"), tmp_path)


def test_command_accepts_bytes_and_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(adding.add, "__defaults__", (tmp_path / "corpus",))
    (tmp_path / "one.bin").write_bytes(build_confirmed("a"))
    (tmp_path / "two.json").write_text(MessageToJson(Record.FromString(build_confirmed("b"))))
    main(tmp_path / "one.bin")
    main(tmp_path / "two.json")
    paths = capsys.readouterr().out.split()
    assert [Path(path).name for path in paths] == ["OrderConfirmed-1.binpb", "OrderConfirmed-2.binpb"]
