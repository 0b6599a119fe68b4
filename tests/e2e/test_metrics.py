"""The metrics of a server in use, and the files that name them."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import Metric
from tests.e2e.metric_names import (
    DASHBOARD,
    describe_families,
    find_unknown_uses,
    list_queries,
    read_page,
    read_panels,
    read_rules,
    sample_labels,
)
from tests.e2e.observed_server import ObservedServer
from tests.e2e.promql import parse_query
from tests.e2e.running_server import wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.webhooks.receiver import run_receiver, status

from ordertrail.client import OrderTrail, connect, line
from ordertrail_server.access.permission import PERMISSIONS

KAFKA = "ordertrail_kafka_"
ROWS = (
    "Calls",
    "Commands",
    "Submitted commands",
    "Log",
    "Projections",
    "Streams",
    "Subscriptions",
    "Webhooks",
    "Kafka",
    "Files",
)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedServer]:
    folder = tmp_path_factory.mktemp("metrics")
    policy = folder / "policy.toml"
    policy.write_text(f'[[grants]]\nto = "anyone"\nmay = {sorted(PERMISSIONS)}\ncustomers = "all"\n')
    environment = {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8", "ORDERTRAIL_POLICY": str(policy)}
    observed = ObservedServer.start(folder / "data", environment)
    yield observed
    assert observed.server.stop() == 0
    assert observed.server.faults == []


@pytest.fixture(scope="module")
def families(observed: ObservedServer) -> dict[str, Metric]:
    """The metrics while a stream, a consumer, a webhook and a rebuild are at work."""
    return asyncio.run(use_every_part(observed))


async def use_every_part(observed: ObservedServer) -> dict[str, Metric]:
    await wait_until_serving(observed.server.address)
    async with run_receiver() as receiver, connect(observed.server.address) as orders:
        receiver.answers = [status(500), status(204)]
        await orders.create_webhook("posted", f"http://127.0.0.1:{receiver.port}/", customer_id="shop-1")
        await orders.create_subscription("mails", customer_id="shop-1")
        await orders.create_subscription("unread", customer_id="shop-1")
        await place(orders)
        await orders.submit(build_order("delayed"), not_before=datetime(2100, 1, 1, tzinfo=UTC))
        await orders.rebuild_projection("history")
        async with aclosing(orders.stream(follow=True)) as stream, orders.consume("mails") as consumer:
            await anext(stream)
            await consumer.acknowledge(await anext(consumer))
            await receiver.wait_for(2)
            await observed.wait_for(1, "ordertrail_projection_rebuild_records", projection="history")
            await observed.wait_for(1, "ordertrail_webhook_attempts_total", subscription="posted", outcome="accepted")
            answers = {"subscription": "mails", "outcome": "acknowledged"}
            await observed.wait_for(1, "ordertrail_subscription_answers_total", **answers)
            await observed.wait_for(1, "ordertrail_submission_waiting_commands", partition="0", state="delayed")
            return await asyncio.to_thread(observed.families)


async def place(orders: OrderTrail) -> None:
    await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])


def value(families: Mapping[str, Metric], name: str, **labels: str) -> float:
    samples = [sample for family in families.values() for sample in family.samples if sample.name == name]
    [number] = [sample.value for sample in samples if sample.labels == labels]
    return number


def test_page_lists_every_metric_with_its_type_and_labels(families: Mapping[str, Metric]) -> None:
    listed = {name: metric for name, metric in read_page().items() if not name.startswith(KAFKA)}
    assert describe_families(families) == listed


def test_queries_of_dashboard_and_alerts_name_exposed_metrics(families: Mapping[str, Metric]) -> None:
    assert find_unknown_uses(sample_labels(families), KAFKA, is_left_out=True) == []


def test_commands_and_records_are_counted(families: Mapping[str, Metric]) -> None:
    assert value(families, "ordertrail_appends_total", outcome="appended") == 1
    assert value(families, "ordertrail_append_records_sum") == 1
    assert value(families, "ordertrail_append_seconds_count") == 1
    assert value(families, "ordertrail_append_bytes_total") > 0
    verdicts = {"fact": 1, "refusal": 0, "void": 0, "broken": 0, "foreign": 0, "barrier": 0}
    for verdict, count in verdicts.items():
        assert value(families, "ordertrail_records_total", partition="0", verdict=verdict) == count
    assert value(families, "ordertrail_parked_orders") == 0


def test_submitted_commands_are_shown(families: Mapping[str, Metric]) -> None:
    assert value(families, "ordertrail_submission_results_total", outcome="stored", reason="") == 1
    assert value(families, "ordertrail_submission_outcomes_total", outcome="accepted", reason="") == 0
    for state, count in {"due": 0, "delayed": 1, "stopped": 0}.items():
        assert value(families, "ordertrail_submission_waiting_commands", partition="0", state=state) == count
    assert value(families, "ordertrail_submission_lag_seconds", partition="0") == 0


def test_streams_and_subscriptions_are_shown(families: Mapping[str, Metric]) -> None:
    assert value(families, "ordertrail_open_streams", kind="followed") == 1
    assert value(families, "ordertrail_subscription_consumers", subscription="mails") == 1
    assert value(families, "ordertrail_subscription_lag_records", subscription="unread") == 1
    assert value(families, "ordertrail_subscription_lag_seconds", subscription="unread") > 0
    assert value(families, "ordertrail_webhook_attempts_total", subscription="posted", outcome="failed") == 1
    assert value(families, "ordertrail_webhook_circuit", subscription="posted", state="closed") == 1
    assert value(families, "ordertrail_webhook_attempt_seconds_count", subscription="posted") == 2


def test_records_are_counted_on_after_a_restart(observed: ObservedServer, families: Mapping[str, Metric]) -> None:
    before = value(families, "ordertrail_records_total", partition="0", verdict="fact")
    assert observed.server.stop() == 0
    observed.server.start()
    asyncio.run(observed.wait_for(before, "ordertrail_records_total", partition="0", verdict="fact"))
    assert observed.value("ordertrail_appends_total", outcome="appended") == 0


def test_server_without_a_role_has_no_metrics_of_it(tmp_path: Path) -> None:
    observed = ObservedServer.start(tmp_path / "data", {"ORDERTRAIL_ROLE": "command"})
    names = observed.families().keys()
    assert observed.server.stop() == 0
    assert "ordertrail_waiting_commands" in names
    absent = ("ordertrail_open_streams", "ordertrail_subscription_", "ordertrail_webhook_", KAFKA)
    assert [name for name in names if name.startswith(absent)] == []


def test_alerts_say_what_to_do_and_for_how_long_they_wait() -> None:
    rules = read_rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"Ordertrail[A-Za-z]+", rule["alert"])
        assert re.fullmatch(r"\d+m", rule["for"]), rule
        assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
        assert rule["annotations"].keys() == {"summary", "description"}
        assert all(text.endswith(".") for text in rule["annotations"].values()), rule


def test_dashboard_has_a_data_source_variable_and_a_row_for_each_part() -> None:
    panels = read_panels()
    assert tuple(panel["title"] for panel in panels if panel["type"] == "row") == ROWS
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels:
        if panel["type"] != "row":
            assert panel["datasource"] == source
            assert panel["description"].endswith("."), panel["title"]
            assert all(target["datasource"] == source for target in panel["targets"])
    assert '"name": "datasource"' in DASHBOARD.read_text()


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in read_panels())
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)


def test_every_metric_of_the_page_is_in_the_dashboard() -> None:
    used = {re.sub("_(bucket|sum|count)$", "", s.metric) for query in list_queries() for s in query.selectors}
    assert read_page().keys() - used == set()


@pytest.mark.parametrize(
    "text",
    [
        "rate(x)",
        "sum by (a (x)",
        "x{a}",
        "x{a=b}",
        "foo(x)",
        "x y",
        "rate(x[5q])",
        "x{a='b'} /",
        "",
    ],
)
def test_parser_refuses_what_is_no_query(text: str) -> None:
    with pytest.raises(ValueError, match=r"instead of|no token|needs a range|no function|without a match"):
        parse_query(text)


def test_parser_finds_metrics_labels_and_ranges() -> None:
    query = 'sum by (a) (rate(x{b="c"}[5m])) / on (d) group_left () -max(y) > 1e3'
    [first, second] = parse_query(query)
    assert first == ("x", {"a", "b", "d"}, True)
    assert second == ("y", {"d"}, False)


async def test_policy_that_cannot_be_used_is_a_fault_until_it_is_mended(observed: ObservedServer) -> None:
    policy = observed.server.data.with_name("policy.toml")
    content = await asyncio.to_thread(policy.read_bytes)
    for text, count in ((b"", 1), (content, 0)):
        await asyncio.to_thread(policy.write_bytes, text)
        await observed.wait_for(count, "ordertrail_access_faults", source="policy")
