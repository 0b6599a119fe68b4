"""`ordertrail topics check`: check whether a topic can hold a log."""

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
@click.option("--json", "as_json", is_flag=True, help="Print the topic and each finding as one JSON object.")
def check(bootstrap: str, topic: str, as_json: bool) -> None:
    """Check whether the settings of a topic are safe for a log, as a server does at its start.

    Each problem is printed with its remedy. A note, such as about a single replica, does not make a topic unsafe. Exit
    codes: 0 safe, 1 unsafe or missing.
    """
    from ordertrail_server.log.kafka.findings import inspect_topic
    from ordertrail_server.log.kafka.topic import describe_topic

    with report_log_errors():
        description = describe_topic(kafka_settings(bootstrap), topic)
    results = inspect_topic(description)
    click.echo(json_line(report_json(description, results)) if as_json else report_text(description, results))
    if not is_safe(results):
        raise click.exceptions.Exit(1)
