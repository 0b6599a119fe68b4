"""`ordertrail serve`: all roles of a server on one data directory."""

import logging
import sys
from pathlib import Path
from typing import Any

import click

EPILOG = """\b
Example:
  ordertrail serve --data ./data --listen 127.0.0.1:50051
  ordertrail serve --log kafka --bootstrap 127.0.0.1:9092 --data ./server-1 --role command

Settings may come from the environment instead: ORDERTRAIL_DATA, ORDERTRAIL_LOG, ORDERTRAIL_BOOTSTRAP,
ORDERTRAIL_TOPIC, ORDERTRAIL_BROKER_WAIT_SECONDS, ORDERTRAIL_ROLE, ORDERTRAIL_LISTEN, ORDERTRAIL_GRACE_SECONDS,
ORDERTRAIL_WAITING_COMMANDS, ORDERTRAIL_HEARTBEAT_SECONDS, ORDERTRAIL_ALLOW_UNLOCKED_SCHEMA, ORDERTRAIL_KAFKA_… (any of
librdkafka's: SASL_USERNAME is sasl.username)."""


@click.command(epilog=EPILOG)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The data directory; made if missing.")
@click.option("--log", type=click.Choice(["embedded", "kafka"]), help="Where facts are kept (embedded).")
@click.option("--bootstrap", metavar="HOST:PORT,…", help="Brokers of the Kafka cluster to begin with.")
@click.option("--topic", metavar="NAME", help="The Kafka topic of the log (orders.events).")
@click.option(
    "--role",
    multiple=True,
    type=click.Choice(["command", "projector", "query"]),
    help="What this server does; may be repeated (all of them).",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where to listen (127.0.0.1:50051); port 0 takes any free one, unix:PATH a socket.",
)
@click.option(
    "--allow-unlocked-schema", is_flag=True, default=None, help="Start with stored versions that are not released yet."
)
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one JSON object.")
def serve(as_json: bool, **flags: Any) -> None:
    """Serve commands and history over gRPC until SIGTERM or Ctrl-C.

    Running calls are finished first (10 seconds at most, see ORDERTRAIL_GRACE_SECONDS). Exit codes: 0 stopped,
    1 refused to start or to go on, and why.
    """
    import asyncio
    import json

    import uvloop
    from pydantic import ValidationError

    from ordertrail_server import serving
    from ordertrail_server.commands.fold import StoreDamaged
    from ordertrail_server.edge.address import Address
    from ordertrail_server.log.port import LogDamaged, LogRefused, LogUnavailable
    from ordertrail_server.schema.proof.schema_check import SchemaRefused
    from ordertrail_server.setting_text import describe_errors
    from ordertrail_server.settings import Settings
    from ordertrail_server.storage.descriptors import refuse_low_limit
    from ordertrail_server.storage.lock import DataDirectoryRefused
    from ordertrail_server.storage.sqlite import UnsafeSqliteVersion, sqlite3

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    flag_values = {name: value for name, value in flags.items() if value not in (None, ())}
    try:
        settings = Settings(**flag_values)
    except ValidationError as wrong:
        raise click.UsageError(" ".join(describe_errors(wrong, Settings.model_fields, flag_values))) from None

    def ready(address: Address) -> None:
        click.echo(json.dumps({"listening": str(address)}) if as_json else f"listening on {address}")
        sys.stdout.flush()

    try:
        refuse_low_limit()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serving.serve(settings, ready))
    except (
        serving.Stopped,
        SchemaRefused,
        DataDirectoryRefused,
        LogDamaged,
        LogRefused,
        LogUnavailable,
        StoreDamaged,
        UnsafeSqliteVersion,
        OSError,
    ) as refusal:
        raise click.ClickException(str(refusal)) from refusal
    except sqlite3.Error as error:  # as on a disk that is full or read-only
        raise click.ClickException(f"a file in {settings.data} cannot be used: {error}") from error
