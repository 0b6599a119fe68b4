"""The check of a topic's findings at the start of a server."""

import logging
from collections.abc import Sequence

from ordertrail_server.log.kafka.findings import Finding, Severity
from ordertrail_server.log.kafka.topic import TopicRefused

_log = logging.getLogger("ordertrail_server.log.kafka.log")


def refuse_unsafe(findings: Sequence[Finding]) -> None:
    """Raise TopicRefused with all unsafe findings. If there are none, log the notes."""
    unsafe = [f"{problem} {remedy}" for severity, problem, remedy in findings if severity is Severity.UNSAFE]
    if unsafe:
        raise TopicRefused("\n".join(unsafe))
    for _, problem, remedy in findings:
        _log.warning("%s %s", problem, remedy)
