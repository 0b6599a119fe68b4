"""`ordertrail topics check`: whether a topic can be a log."""

import click

from ordertrail_server.cli.kafka_log import kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import LIBRDKAFKA, bootstrap_option, topic_option
from ordertrail_server.cli.topics.topic_text import is_safe, report_json, report_text
from ordertrail_server.cli.value_text import json_line

EPILOG = f"""\b
Examples:
  ordertrail topics check --bootstrap kafka:9092
  ordertrail topics check --bootstrap kafka:9092 --topic orders.eu --json

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the topic, and each finding.")
def check(bootstrap: str, topic: str, as_json: bool) -> None:
    """Say in plain words what about a topic is unsafe for a log, and how to mend it, as a server does at its start.

    What is only noted, such as a single replica, is allowed. Exit codes: 0 safe, 1 unsafe, or there is no such topic.
    """
    from ordertrail_server.log.kafka.findings import inspect_topic
    from ordertrail_server.log.kafka.topic import describe_topic

    with report_log_errors():
        description = describe_topic(kafka_settings(bootstrap), topic)
    results = inspect_topic(description)
    click.echo(json_line(report_json(description, results)) if as_json else report_text(description, results))
    if not is_safe(results):
        raise click.exceptions.Exit(1)
