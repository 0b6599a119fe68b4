"""`ordertrail schema explain`: show how one record is read, rule by rule."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.position_type import PositionType
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line, time_text

if TYPE_CHECKING:
    from ordertrail.v1.projection_service_pb2 import ExplainEventResponse, ReadingStep

HEADINGS = ("Rule", "From", "To", "Value")
BYTES_PER_LINE = 32
EPILOG = """\b
Examples:
  ordertrail schema explain 0:17
  ordertrail schema explain 0:17 --json"""


@click.command(epilog=EPILOG)
@click.argument("position", metavar="PARTITION:OFFSET", type=PositionType())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@target_option
@calls_server()
async def explain(position: tuple[int, int], as_json: bool, target: Target) -> None:
    """Show one record: its bytes, its position in the chain of its order, and the result of each rule that reads it."""
    async with target.connect() as client:
        explanation = await client.explain(*position)
    if as_json:
        click.echo(json_line(explanation))
        return
    for line in _describe_record(explanation):
        click.echo(line)
    for step in explanation.steps:
        _print_step(step)
    if explanation.event.WhichOneof("event"):
        click.echo(f"public event\n  {escape(json_line(explanation.event))}")


def _describe_record(explanation: "ExplainEventResponse") -> Iterator[str]:
    from ordertrail.v1.projection_service_pb2 import RecordVerdict

    event, position, value = explanation.event, explanation.position, explanation.value
    verdict = RecordVerdict.Name(explanation.verdict).removeprefix("RECORD_VERDICT_").lower()
    yield f"record {position.partition}:{position.offset} of {escape(position.topic)}"
    yield f"  verdict   {verdict}{f': {escape(explanation.verdict_detail)}' if explanation.verdict_detail else ''}"
    if event.order_id:
        yield f"  order     {escape(event.order_id)}, version {event.order_version}, {time_text(event.record_time)}"
        yield f"  cause     {escape(event.cause.request_id)}"
        yield f"  previous  {event.previous.hex() or '-'}"
    yield f"  digest    {explanation.digest.hex()}"
    yield f"  written   {_describe_written(explanation)}"
    if explanation.fault:
        yield f"  fault     {escape(explanation.fault)}"
    yield f"  bytes     {len(value)}"
    yield from (
        f"    {value[start : start + BYTES_PER_LINE].hex(' ')}" for start in range(0, len(value), BYTES_PER_LINE)
    )
    if explanation.written_json:
        yield f"as written\n  {escape(explanation.written_json)}"


def _describe_written(explanation: "ExplainEventResponse") -> str:
    number = f", number {explanation.written_number}" if explanation.HasField("written_number") else ""
    return (explanation.written_as or "unknown event") + number


def _print_step(step: "ReadingStep") -> None:
    click.echo(f"{getattr(step, 'from')} → {step.to}")
    rows = [(rule.rule, getattr(rule, "from"), rule.to, rule.value_json) for rule in step.rules]
    print_table(HEADINGS, rows)
