"""`ordertrail topics check`: whether a topic can be a log."""

import click

from ordertrail_server.cli.brokers import ENVIRONMENT, bootstrap_option, kafka_settings, refusals_told, topic_option
from ordertrail_server.cli.printing import json_line
from ordertrail_server.cli.topics.told import as_object, as_text, is_safe

EPILOG = f"""\b
Examples:
  ordertrail topics check --bootstrap 127.0.0.1:9092
  ordertrail topics check --bootstrap 127.0.0.1:9092 --topic orders.events --json

{ENVIRONMENT}"""


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the topic, and each finding.")
def check(bootstrap: str, topic: str, as_json: bool) -> None:
    """Say in plain words what about a topic is unsafe for a log, and how to mend it, as a server does at its start.

    What is only noted, such as a single replica, is allowed. Exit codes: 0 safe, 1 unsafe, or there is no such topic.
    """
    from ordertrail_server.log.kafka.findings import findings
    from ordertrail_server.log.kafka.topic import describe

    with refusals_told():
        described = describe(kafka_settings(bootstrap), topic)
    found = findings(described)
    click.echo(json_line(as_object(described, found)) if as_json else as_text(described, found))
    if not is_safe(found):
        raise click.exceptions.Exit(1)
