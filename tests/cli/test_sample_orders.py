from collections import Counter
from datetime import date
from itertools import chain
from random import Random
from statistics import mean, median, pstdev

import pytest

from ordertrail.commands import Request, as_command
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.values import amount_of
from ordertrail_server.cli.sample_orders import PRODUCTS, SampleOrders
from ordertrail_server.cli.skewed_gaussian import draw_skewed

TODAY = date(2026, 3, 1)
SEED = 7


def draw_orders(
    count: int, *, seed: int | None = SEED, follow_up_share: float = 0.5, run: str = "run"
) -> list[list[Request]]:
    return list(SampleOrders(seed, follow_up_share=follow_up_share, run=run, today=TODAY).draw(count))


def generate_placements(count: int) -> list[PlaceOrderRequest]:
    return [request for request, *_ in draw_orders(count) if isinstance(request, PlaceOrderRequest)]


def skewness(values: list[float]) -> float:
    """The third standardized moment: 0 for a symmetric distribution, positive for a long upper tail."""
    centre = mean(values)
    spread = pstdev(values)
    return mean(((value - centre) / spread) ** 3 for value in values)


def test_the_same_seed_draws_the_same_commands() -> None:
    assert draw_orders(200) == draw_orders(200)


def test_different_seeds_draw_different_commands() -> None:
    assert draw_orders(200) != draw_orders(200, seed=8)


def test_runs_with_one_seed_differ_only_in_ids() -> None:
    first_run, second_run = draw_orders(50, run="a"), draw_orders(50, run="b")
    for request, counterpart in zip(chain(*first_run), chain(*second_run), strict=True):
        assert request.order_id != counterpart.order_id
        assert request.request_id != counterpart.request_id
        request.order_id, request.request_id = counterpart.order_id, counterpart.request_id
        assert request == counterpart


def test_no_two_commands_share_a_request_id() -> None:
    ids = [request.request_id for requests in draw_orders(500, follow_up_share=1) for request in requests]
    assert len(ids) == len(set(ids)) > 500


def test_order_has_one_line_per_product_and_some_have_several() -> None:
    placements = generate_placements(1000)
    assert all(len(request.lines) == len({line.product_id for line in request.lines}) for request in placements)
    counts = Counter(len(request.lines) for request in placements)
    assert set(counts) == {1, 2, 3, 4}
    assert counts[1] > 500


def test_product_quantity_and_price_are_within_bounds_and_skewed_to_the_low_end() -> None:
    lines = [line for request in generate_placements(5000) for line in request.lines]
    products = [float(line.product_id.removeprefix("p_")) for line in lines]
    quantities = [float(line.quantity) for line in lines]
    prices = [float(amount_of(line.unit_price)) for line in lines]
    assert {int(product) for product in products} <= set(range(PRODUCTS))
    assert len(set(products)) > 40
    for values, low, high in ((products, 0, 49), (quantities, 1, 100), (prices, 1, 100)):
        assert low <= min(values) < max(values) <= high
        assert median(values) < (low + high) / 2
        assert skewness(values) > 0.4


def test_skew_of_1_is_symmetric() -> None:
    random = Random(SEED)
    values = [draw_skewed(random, 10, 20, 1) for _ in range(20_000)]
    assert mean(values) == pytest.approx(15, abs=0.05)
    assert abs(skewness(values)) < 0.05


@pytest.mark.parametrize(("follow_up_share", "minimum", "maximum"), [(0, 100, 100), (1, 300, 900)])
def test_life_is_the_share_of_orders_with_further_commands(follow_up_share: float, minimum: int, maximum: int) -> None:
    assert minimum <= sum(len(requests) for requests in draw_orders(100, follow_up_share=follow_up_share)) <= maximum


def test_long_run_has_every_kind_of_command() -> None:
    sample = draw_orders(500, follow_up_share=1)
    verbs = {as_command(request).WhichOneof("verb") for requests in sample for request in requests}
    assert len(verbs) == 10
