"""Draws sample orders and the commands that follow on them. The draws depend only on the seed."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from ordertrail.commands import Request
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail.values import day, line
from ordertrail_server.cli.sample_lifecycle import continue_order
from ordertrail_server.cli.skewed_gaussian import draw_skewed

PRODUCTS = 50
SHOPS = 10
MAX_LINES = 4
SEVERAL_LINES_SHARE = 0.4  # the share of orders with more than one


class SampleOrders:
    """Draws orders, and for a share of them (`follow_up_share`, 0 to 1) the commands that follow.

    `run` is the prefix of every order id, so that runs do not collide. Delivery dates are counted from `today`.
    """

    def __init__(self, seed: int | None, *, follow_up_share: float, run: str, today: date) -> None:
        self._random = Random(seed)
        self._follow_up_share, self._run, self._today = follow_up_share, run, today

    def draw(self, count: int) -> Iterator[list[Request]]:
        """Yield the commands of each order, in sequence. Each command has an order id and a request id."""
        for number in range(count):
            order_id = f"{self._run}-{number:06}"
            requests = self._draw_order(order_id)
            for step, request in enumerate(requests):
                request.request_id = f"{order_id}-{step}"
            yield requests

    def _draw_order(self, order_id: str) -> list[Request]:
        lines = self._draw_lines()
        expected = self._today + timedelta(days=int(draw_skewed(self._random, 1, 60, 2)))
        shop = f"shop-{self._random.randrange(SHOPS)}"
        place_order = PlaceOrderRequest(
            customer_id=shop, lines=lines, order_id=order_id, expected_delivery_date=day(expected)
        )
        if self._random.random() >= self._follow_up_share:
            return [place_order]
        ordered = {ordered_line.product_id: ordered_line.quantity for ordered_line in lines}
        return [place_order, *continue_order(self._random, order_id, ordered, expected, self._draw_other_line)]

    def _draw_lines(self) -> list[OrderedLine]:
        several = self._random.random() < SEVERAL_LINES_SHARE
        lines = [self.draw_line() for _ in range(self._random.randint(2, MAX_LINES) if several else 1)]
        return list({ordered_line.product_id: ordered_line for ordered_line in lines}.values())

    def draw_line(self) -> OrderedLine:
        """Draw a line: product, quantity and unit price, each from a skewed Gaussian."""
        product = int(draw_skewed(self._random, 0, PRODUCTS, 2))
        quantity = 1 + int(draw_skewed(self._random, 0, 100, 3))
        cents = int(draw_skewed(self._random, 100, 10_000, 2.5))
        return line(f"p_{product}", quantity, f"{cents // 100}.{cents % 100:02}", "EUR")

    def _draw_other_line(self, ordered: dict[str, int]) -> OrderedLine:
        while (candidate := self.draw_line()).product_id in ordered:
            pass
        return candidate
