"""The projection `timeline` for queries, which a server may leave out."""

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_TIMELINE_OFF
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.orders.refusal import Refusal, Refused


def require_timeline(timeline: QueriedProjection | None) -> QueriedProjection:
    """Return the projection `timeline`. Raises Refused (TIMELINE_OFF) if this server does not keep it."""
    if timeline is None:
        message = "This server keeps no timeline; start it without --no-timeline or ORDERTRAIL_TIMELINE=false."
        raise Refused(Refusal(ERROR_REASON_TIMELINE_OFF, message))
    return timeline
