"""A query that needs the timeline is refused by a server that does not keep it."""

from pathlib import Path

import pytest
from tests.history.history_server import serve_history

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.history.timeline import require_timeline
from ordertrail_server.orders.refusal import Refused


def test_server_without_timeline_refuses_a_query_that_needs_it() -> None:
    with pytest.raises(Refused) as error:
        require_timeline(None)
    assert error.value.refusal.reason == ErrorReason.ERROR_REASON_TIMELINE_OFF
    assert "without --no-timeline" in error.value.refusal.message


async def test_server_with_timeline_answers_from_it(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        freshness = Freshness(server.model, server.progress, server.log, (0,))
        timeline = QueriedProjection(server.model, server.progress, freshness)
        assert require_timeline(timeline) is timeline
