"""What is said of a topic."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.findings import Finding, Topic


def is_safe(found: "Sequence[Finding]") -> bool:
    """Return whether a server would serve the topic of which this was found."""
    from ordertrail_server.log.kafka.findings import Gravity

    return all(finding.gravity is Gravity.NOTE for finding in found)


def as_text(topic: "Topic", found: "Sequence[Finding]") -> str:
    """Return each finding with what mends it, and whether the topic can be a log."""
    lines = []
    for gravity, what, mend in found:
        lines += [f"{gravity.value:<7} {what}", f"{'':<7} {mend}"]
    verdict = "is safe: it can be a log." if is_safe(found) else "is unsafe: no server starts on it."
    return "\n".join([*lines, f"The topic {topic.name} ({size_of(topic)}) {verdict}"])


def as_object(topic: "Topic", found: "Sequence[Finding]") -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "topic": topic.name,
        "identity": topic.identity.hex(),
        "partitions": len(topic.replicas),
        "replicas": min(topic.replicas),
        "safe": is_safe(found),
        "findings": [{"gravity": each.gravity.value, "what": each.what, "mend": each.mend} for each in found],
    }


def size_of(topic: "Topic") -> str:
    """Return how many partitions and replicas there are."""
    return f"partitions: {len(topic.replicas)}, replicas: {min(topic.replicas)}"
