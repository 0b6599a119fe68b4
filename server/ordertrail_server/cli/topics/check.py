"""`ordertrail topics check`: check whether the topics of a log are safe."""

from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.kafka_log import find_topic, kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import (
    LIBRDKAFKA,
    bootstrap_option,
    choose_commands_topic,
    commands_topic_option,
    topic_option,
)
from ordertrail_server.cli.topics.topic_text import findings_json, findings_text, is_safe, report_json, report_text
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.findings import Finding, Topic
    from ordertrail_server.log.kafka.settings import Value

EPILOG = f"""\b
Examples:
  ordertrail topics check --bootstrap kafka:9092
  ordertrail topics check --bootstrap kafka:9092 --topic orders.eu --json

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@commands_topic_option
@click.option("--json", "as_json", is_flag=True, help="Print the topics and each finding as one JSON object.")
def check(bootstrap: str, topic: str, commands_topic: str | None, as_json: bool) -> None:
    """Check whether the settings of a log's two topics are safe, as a server does at its start.

    Each problem is printed with its remedy. A note, such as about a single replica, does not make a topic unsafe. A
    missing topic of submitted commands is a note too, because servers then serve everything else. Exit codes: 0 safe, 1
    unsafe, or the topic of the log is missing.
    """
    from ordertrail_server.log.kafka.findings import inspect_topic
    from ordertrail_server.log.kafka.topic import describe_topic

    settings, commands_name = kafka_settings(bootstrap), choose_commands_topic(topic, commands_topic)
    with report_log_errors():
        events = describe_topic(settings, topic)
        commands, findings = _inspect_commands(settings, commands_name, events)
    event_findings = inspect_topic(events)
    if as_json:
        click.echo(json_line(_report_json(events, event_findings, commands, findings)))
    else:
        click.echo(report_text(events, event_findings))
        click.echo(report_text(commands, findings) if commands else "\n".join(findings_text(findings)))
    if not is_safe([*event_findings, *findings]):
        raise click.exceptions.Exit(1)


def _inspect_commands(settings: "dict[str, Value]", name: str, events: "Topic") -> "tuple[Topic | None, list[Finding]]":
    """Return the topic of submitted commands, if this user can describe it, and the findings about it."""
    from ordertrail_server.log.kafka.commands_findings import inspect_commands_topic, note_missing, note_unreadable
    from ordertrail_server.log.port import LogUnavailable

    try:
        commands = find_topic(settings, name)
    except LogUnavailable as error:
        return None, [note_unreadable(name, error)]
    return commands, inspect_commands_topic(commands, events) if commands else [note_missing(name)]


def _report_json(
    events: "Topic", event_findings: "list[Finding]", commands: "Topic | None", findings: "list[Finding]"
) -> dict[str, Any]:
    """Return the report on the topic of events, with that on the topic of commands in it, if there is one."""
    report = report_json(events, event_findings)
    if commands is None:
        return {**report, "findings": findings_json([*event_findings, *findings]), "commands": None}
    return {**report, "commands": report_json(commands, findings)}
