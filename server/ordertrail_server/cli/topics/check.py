"""`ordertrail topics check`: check whether the topics of a log are safe."""

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ordertrail_server.cli.kafka_log import find_topic, kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import (
    LIBRDKAFKA,
    bootstrap_option,
    choose_topics,
    commands_topic_option,
    subscriptions_topic_option,
    topic_option,
)
from ordertrail_server.cli.topics.topic_text import findings_json, findings_text, is_safe, report_json, report_text
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.findings import Finding, Topic
    from ordertrail_server.log.kafka.settings import Value
    from ordertrail_server.log.kafka.topic_kind import TopicKind

EPILOG = f"""\b
Examples:
  ordertrail topics check --bootstrap kafka:9092
  ordertrail topics check --bootstrap kafka:9092 --topic orders.eu --json

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@commands_topic_option
@subscriptions_topic_option
@click.option("--json", "as_json", is_flag=True, help="Print the topics and each finding as one JSON object.")
def check(
    bootstrap: str, topic: str, commands_topic: str | None, subscriptions_topic: str | None, as_json: bool
) -> None:
    """Check whether the settings of a log's topics are safe, as a server does at its start.

    Each problem is printed with its remedy. A note, such as about a single replica, does not make a topic unsafe. A
    missing topic of submitted commands or subscriptions is a note too, because servers then serve everything else. Exit
    codes: 0 safe, 1 unsafe, or the topic of the log is missing.
    """
    from ordertrail_server.log.kafka.findings import inspect_topic
    from ordertrail_server.log.kafka.topic import describe_topic
    from ordertrail_server.log.kafka.topic_kind import COMMANDS, SUBSCRIPTIONS

    settings, names = kafka_settings(bootstrap), choose_topics(topic, commands_topic, subscriptions_topic)
    with report_log_errors():
        events = describe_topic(settings, topic)
        commands = _inspect(settings, COMMANDS, names.commands, events)
        subscriptions = _inspect(settings, SUBSCRIPTIONS, names.subscriptions, events)
    inspected = Inspected(events, inspect_topic(events))
    if as_json:
        click.echo(json_line(_report_json(inspected, commands, subscriptions)))
    else:
        for found_topic, findings in (inspected, commands, subscriptions):
            click.echo(report_text(found_topic, findings) if found_topic else "\n".join(findings_text(findings)))
    if not is_safe([*inspected.findings, *commands.findings, *subscriptions.findings]):
        raise click.exceptions.Exit(1)


class Inspected(NamedTuple):
    """A topic, if this user can describe it, and the findings about it."""

    topic: "Topic | None"
    findings: "list[Finding]"


def _inspect(settings: "dict[str, Value]", kind: "TopicKind", name: str, events: "Topic") -> Inspected:
    """Inspect a topic beside the topic of events."""
    from ordertrail_server.log.port import LogUnavailable

    try:
        topic = find_topic(settings, name)
    except LogUnavailable as error:
        return Inspected(None, [kind.note_unreadable(name, error)])
    return Inspected(topic, kind.inspect(topic, events) if topic else [kind.note_missing(name)])


def _report_json(events: Inspected, commands: Inspected, subscriptions: Inspected) -> dict[str, Any]:
    """Return the report on the topic of events, with those on the other topics in it.

    It has the notes about missing topics among its own findings.
    """
    assert events.topic is not None
    notes = [finding for topic, findings in (commands, subscriptions) if topic is None for finding in findings]
    report = report_json(events.topic, events.findings)
    reports = {"commands": commands, "subscriptions": subscriptions}
    return {
        **report,
        "findings": findings_json([*events.findings, *notes]),
        **{name: report_json(topic, findings) if topic else None for name, (topic, findings) in reports.items()},
    }
