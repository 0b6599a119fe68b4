"""`ordertrail tail`: the log itself, record by record, beside a running server or without one."""

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.printing import json_line, plain

if TYPE_CHECKING:
    from ordertrail_server.log.port import Log, Logged

BATCH = 500
EPILOG = """\b
Examples:
  ordertrail tail --data ./data
  ordertrail tail --data ./data --partition 0 --from 1200 --follow
  ordertrail tail --data ./data --json | head -3"""


@click.command(epilog=EPILOG)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, metavar="DIR")
@click.option("--partition", type=click.IntRange(0), default=0, show_default=True)
@click.option("--from", "offset", type=click.IntRange(0), default=0, show_default=True, help="The first offset.")
@click.option("--follow", is_flag=True, help="Go on with new records until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a record.")
def tail(data: Path, partition: int, offset: int, follow: bool, as_json: bool) -> None:
    """Show the records of a data directory's log, decoded, from an offset of a partition.

    What is no readable record is shown as such, at its offset.
    """
    from ordertrail_server.log.lock import DataDirectoryRefused
    from ordertrail_server.log.port import LogDamaged, LogUnavailable

    try:
        asyncio.run(_tail(data, partition, offset, follow, as_json))
    except (DataDirectoryRefused, LogDamaged, LogUnavailable) as error:
        raise click.ClickException(str(error)) from None


async def _tail(data: Path, partition: int, offset: int, follow: bool, as_json: bool) -> None:
    from ordertrail_server.log.embedded import EmbeddedLog

    log = EmbeddedLog.follow(data)
    try:
        if partition >= log.partitions:
            raise click.UsageError(f"The log has the partitions 0 to {log.partitions - 1}, not {partition}.")
        await _print_from(log, partition, offset, follow, as_json)
    finally:
        await log.close()


async def _print_from(log: "Log", partition: int, offset: int, follow: bool, as_json: bool) -> None:
    show = _as_json if as_json else _as_text
    while True:
        records = await log.read(partition, offset, BATCH)
        for record in records:
            click.echo(show(log.topic, partition, record))
        if records:
            offset = records[-1].offset + 1
        elif follow:
            await log.wait(partition, offset)
        else:
            return


def _as_text(topic: str, partition: int, record: "Logged") -> str:
    from ordertrail_server.cli.happenings import line
    from ordertrail_server.schema.reading import read

    reading = read(record.value)
    place = f"{partition}:{record.offset}"
    if reading is None or reading.event.order_id != record.key:
        return f"{place:<10} {plain(record.key)}  {_unreadable(reading)} ({len(record.value)} bytes)"
    if reading.fault:
        return f"{place:<10} {plain(record.key)}  {reading.event.order_version:>3}  {plain(reading.fault)}"
    return f"{place:<10} {line(reading.event)}"


def _as_json(topic: str, partition: int, record: "Logged") -> str:
    from google.protobuf.json_format import MessageToDict

    from ordertrail_server.schema.reading import read

    shown: dict[str, Any] = {"topic": topic, "partition": partition, "offset": record.offset, "key": record.key}
    reading = read(record.value)
    if reading is None or reading.event.order_id != record.key:
        return json_line({**shown, "fault": _unreadable(reading), "value": b64encode(record.value).decode()})
    shown |= {"digest": b64encode(record.digest).decode(), "writtenVersion": reading.written_version}
    if reading.fault:
        shown |= {"fault": reading.fault, "value": b64encode(record.value).decode()}
    return json_line({**shown, "event": MessageToDict(reading.event)})


def _unreadable(reading: object) -> str:
    return "is no readable record" if reading is None else "is a record of another order than its key"
