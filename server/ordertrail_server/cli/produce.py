"""`ordertrail produce`: send sample orders to a server."""

from datetime import date
from math import isnan
from time import time_ns
from typing import Any
from uuid import uuid4

import click

from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, calls_server
from ordertrail_server.cli.target import Target, target_option

MAX_ORDERS = 1_000_000_000
EPILOG = """\b
Examples:
  ordertrail produce 1000
  ordertrail produce 50 --seed 7 --life 1 --show-acks
  ordertrail produce 100000 --life 0.2 --json"""


class Share(click.FloatRange):
    """A range that also refuses nan, which is neither below nor above the bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


@click.command(epilog=EPILOG)
@click.argument("count", metavar="N", type=click.IntRange(1, MAX_ORDERS))
@click.option(
    "--seed", type=int, metavar="N", help="Send the same orders as other runs with this seed, but with new ids."
)
@click.option(
    "--life",
    type=Share(0, 1),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="The share of orders that get further commands.",
)
@click.option("--unary", is_flag=True, help="Send each command in a call of its own instead of batches.")
@click.option("--show-acks", is_flag=True, help="Print topic, partition and offset of each acknowledged command.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts and each acknowledgement as JSON objects.")
@target_option
@calls_server()
async def produce(
    count: int, seed: int | None, life: float, unary: bool, show_acks: bool, as_json: bool, target: Target
) -> None:
    """Send N sample orders, and for a share of them the commands that follow: changes, shipments, returns.

    There are 50 products, p_0 to p_49. Product, quantity and unit price have a skewed Gaussian distribution. While the
    server is unavailable, commands are sent again with the same request ids.
    """
    from ordertrail_server.cli.order_sender import send_in_batches, send_one_by_one
    from ordertrail_server.cli.production_report import ProductionReport
    from ordertrail_server.cli.sample_orders import SampleOrders

    samples = SampleOrders(seed, follow_up_share=life, run=_create_run_name(), today=date.today())
    async with target.connect(actor="ordertrail produce") as client:
        await client.reach(FIRST_CONTACT_SECONDS)
        with ProductionReport(count, show_acks=show_acks, as_json=as_json) as report:
            await (send_one_by_one if unary else send_in_batches)(client, samples.draw(count), report)
    if report.refused:
        raise click.exceptions.Exit(1)


def _create_run_name() -> str:
    """Return a unique name of this run. Later names sort after it, so that new ids are adjacent in an index."""
    return f"{time_ns() // 1_000_000:011x}{uuid4().hex[:5]}"
