"""Text and JSON reports about a Kafka topic."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.findings import Finding, Topic


def is_safe(results: "Sequence[Finding]") -> bool:
    """Return whether a server would start on a topic with these findings."""
    from ordertrail_server.log.kafka.findings import Severity

    return all(finding.severity is Severity.NOTE for finding in results)


def findings_text(results: "Sequence[Finding]") -> list[str]:
    """Return two lines for each finding: the problem and its remedy."""
    lines = []
    for severity, problem, remedy in results:
        lines += [f"{severity.value:<7} {problem}", f"{'':<7} {remedy}"]
    return lines


def report_text(topic: "Topic", results: "Sequence[Finding]") -> str:
    """Return each finding with its remedy, and whether the topic can hold a log."""
    verdict = "is safe: it can hold a log." if is_safe(results) else "is unsafe: no server starts on it."
    return "\n".join([*findings_text(results), f"The topic {topic.name} ({describe_size(topic)}) {verdict}"])


def report_json(topic: "Topic", results: "Sequence[Finding]") -> dict[str, Any]:
    """Return the same report as a JSON object. `safe` is about this topic alone."""
    return {
        "topic": topic.name,
        "identity": topic.identity.hex(),
        "partitions": len(topic.replicas),
        "replicas": min(topic.replicas),
        "safe": is_safe(results),
        "findings": findings_json(results),
    }


def findings_json(results: "Sequence[Finding]") -> list[dict[str, str]]:
    """Return each finding as a JSON object."""
    return [{"gravity": finding.severity.value, "what": finding.problem, "mend": finding.remedy} for finding in results]


def describe_size(topic: "Topic") -> str:
    """Return the number of partitions and replicas."""
    return f"partitions: {len(topic.replicas)}, replicas: {min(topic.replicas)}"
