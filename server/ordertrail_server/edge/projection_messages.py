"""Projections and generations as messages of the contract."""

from ordertrail.v1.projection_service_pb2 import (
    GENERATION_STATE_ABANDONED,
    GENERATION_STATE_BUILDING,
    GENERATION_STATE_KEPT,
    GENERATION_STATE_LIVE,
    GENERATION_STATE_READY,
    Generation,
    Projection,
)
from ordertrail_server.projections.generation_report import GenerationReport, GenerationState, ProjectionReport

STATES = {
    GenerationState.LIVE: GENERATION_STATE_LIVE,
    GenerationState.BUILDING: GENERATION_STATE_BUILDING,
    GenerationState.READY: GENERATION_STATE_READY,
    GenerationState.KEPT: GENERATION_STATE_KEPT,
    GenerationState.ABANDONED: GENERATION_STATE_ABANDONED,
}


def generation_message(report: GenerationReport) -> Generation:
    """Return the message of a generation."""
    generation, state, folded_count, lag_count, file_bytes = report
    return Generation(
        definition=generation.definition,
        number=generation.number,
        state=STATES[state],
        folded_count=folded_count,
        lag_count=lag_count,
        file_bytes=file_bytes,
    )


def projection_message(report: ProjectionReport) -> Projection:
    """Return the message of a projection."""
    return Projection(
        name=report.name,
        definition=report.definition,
        generations=map(generation_message, report.generations),
        stopped_reason=report.stopped_reason,
        repair_count=report.repair_count,
    )
