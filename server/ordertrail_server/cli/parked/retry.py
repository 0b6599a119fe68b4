"""`ordertrail parked retry`: read the waiting facts of an order again."""

from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option
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
async def retry(order_id: str, as_json: bool, target: Target) -> None:
    """Make the server read the waiting facts of a parked order again.

    The same code gives the same result, so this helps only if the cause was outside of the code. Exit codes: 0 the
    order is no longer parked, 1 it is still parked, or was not parked.
    """
    async with target.connect() as client:
        outcome = await client.retry_parked(order_id)
    click.echo(json_line(outcome) if as_json else _describe_outcome(order_id, outcome))
    if outcome.HasField("order"):
        raise click.exceptions.Exit(1)


def _describe_outcome(order_id: str, outcome: "RetryParkedOrderResponse") -> str:
    applied = f"{escape(order_id)}: {outcome.taken_in_count:,} facts were applied"
    if not outcome.HasField("order"):
        return f"{applied}; the order is no longer parked."
    order = outcome.order
    return f"{applied}; the order is still parked, and {order.waiting_count:,} facts wait: {escape(order.reason)}."
