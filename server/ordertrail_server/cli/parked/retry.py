"""`ordertrail parked retry`: what waits of an order, read once more."""

from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.server_call import calls_server, target_option
from ordertrail_server.cli.value_text import escape, json_line

if TYPE_CHECKING:
    from ordertrail.v1.projection_service_pb2 import RetryParkedOrderResponse

EPILOG = """\b
Example:
  ordertrail parked retry 0193a7c2-order-1"""


@click.command(epilog=EPILOG)
@click.argument("order_id")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@target_option
@calls_server()
async def retry(order_id: str, as_json: bool, target: str) -> None:
    """Have the server read what waits of a parked order once more, and take in what can be read now.

    The same code finds the same, so this helps where the cause lay outside of it. Exit codes: 0 it is parked no more,
    1 it still is, or was not parked.
    """
    from ordertrail.client import connect

    async with connect(target) as client:
        outcome = await client.retry_parked(order_id)
    click.echo(json_line(outcome) if as_json else _describe_outcome(order_id, outcome))
    if outcome.HasField("order"):
        raise click.exceptions.Exit(1)


def _describe_outcome(order_id: str, outcome: "RetryParkedOrderResponse") -> str:
    taken_in = f"{escape(order_id)}: {outcome.taken_in_count:,} facts were taken in"
    if not outcome.HasField("order"):
        return f"{taken_in}; it is parked no more."
    order = outcome.order
    return f"{taken_in}; it still is parked, and {order.waiting_count:,} wait: {escape(order.reason)}."
