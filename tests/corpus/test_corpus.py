"""Every stored version keeps its meaning. A sample is never changed; see add.py."""

from pathlib import Path

import pytest
from google.protobuf.json_format import Parse
from tests.corpus.add import CORPUS

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema.cases import cases, message_of, version_of
from ordertrail_server.schema.reading import read

SAMPLES = sorted(CORPUS.glob("v*/*.binpb"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_sample_has_its_recorded_meaning(sample: Path) -> None:
    reading = read(sample.read_bytes())
    assert reading is not None
    assert (reading.fault, f"v{reading.written_version}") == ("", sample.parent.name)
    assert reading.event == Parse(sample.with_suffix(".json").read_text(encoding="utf-8"), HistoryEvent())


def test_every_version_of_every_event_has_a_sample() -> None:
    sampled = {Record.FromString(sample.read_bytes()).WhichOneof("event") for sample in SAMPLES}
    assert sampled == {case.name for case in cases()}


def test_samples_are_in_the_folder_of_their_version_and_event_type() -> None:
    for case in cases():
        message = message_of(case)
        assert (CORPUS / f"v{version_of(message)}" / f"{message.name}-1.binpb").exists(), message.full_name
