"""When a batch was decided and appended."""

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class PlanTimes:
    """The times of one plan, which all of its attempts share (group commit).

    They are nanoseconds since 1970, and 0 for a step that it has not reached. `has_failed` is true if the append
    failed, or its outcome was unknown at its end.
    """

    begin: int
    decided: int = 0
    append_begin: int = 0
    append_end: int = 0
    record_count: int = 0
    has_failed: bool = False
    traced_steps: set[tuple[str, str]] = field(default_factory=set)
    """The steps that have a span, with the traces that it belongs to."""

    def claim_span(self, step: str, traceparent: str) -> bool:
        """Return whether a step has no span in a trace yet. From now on it has."""
        key = step, traceparent
        if key in self.traced_steps:
            return False
        self.traced_steps.add(key)
        return True
