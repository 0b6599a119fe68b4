"""Metrics of commands: the answers to them, and the appends of their records."""

from prometheus_client import CollectorRegistry

from ordertrail_server.admin.append_metrics import AppendMetrics
from ordertrail_server.admin.decision_metrics import DecisionMetrics


class CommandMetrics:
    """An observer of commands (`commands.command_observer.CommandObserver`)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.note_answer = DecisionMetrics(registry).note_answer
        self.note_append = AppendMetrics(registry).note_append
