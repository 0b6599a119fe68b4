"""Given a server that is backed up and goes on, when its directory is lost and restored, then nothing is confused.

Tokens, receipts and acknowledgements of the part that the backup has stay valid. Those of the lost part are refused.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import pytest
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from tests.cli.command_line import CommandLine
from tests.e2e.refusals import catch_refusal, catch_refusal_if_any
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.e2e.test_tokens import POSITIONS, SUBMISSIONS

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import NotFound
from ordertrail.receipt_chain import ReceiptResult
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.order_history_service_pb2 import (
    ListOrderEventsRequest,
    ListOrdersRequest,
    ListOrdersResponse,
    ListProductTotalsRequest,
    ListProductTotalsResponse,
)
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.v1.submitted_commands_pb2 import ListCommandsRequest, ListCommandsResponse
from ordertrail.v1.subscription_service_pb2 import (
    DeliveryOutcome,
    ListSubscriptionsRequest,
    ListSubscriptionsResponse,
    SubscriptionState,
)
from ordertrail_server.log.data_directory import DataDirectory

NOBODY = CommandLine("127.0.0.1:1")
ACKNOWLEDGED = DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED
MUCH_LATER = datetime(2100, 1, 1, tzinfo=UTC)
PAGES: dict[str, Any] = {
    "ListOrders": partial(ListOrdersRequest, customer_id="shop-1"),
    "ListOrderEvents": partial(ListOrderEventsRequest, customer_id="shop-1"),
    "ListProductTotals": ListProductTotalsRequest,
    "ListCommands": ListCommandsRequest,
    "ListSubscriptions": ListSubscriptionsRequest,
}
"""The paged lists in which a test can easily have two rows; their requests for the first page."""


class Issued(NamedTuple):
    """What callers got before or after the backup."""

    requests: list[PlaceOrderRequest]
    receipts: list[Receipt]
    command_id: str
    command_token: str
    page_tokens: dict[str, str]
    second_rows: dict[str, str]
    delivery_ids: list[str]


class Restored(NamedTuple):
    """A server on the restored directory, and what callers have from before and after the backup."""

    server: RunningServer
    before: Issued
    after: Issued


async def acknowledge(orders: OrderTrail, count: int) -> list[str]:
    """Acknowledge the next events of the subscription, and return their delivery ids."""
    async with asyncio.timeout(60), orders.consume("all") as consumer:
        deliveries = [await anext(consumer) for _ in range(count)]
        assert [await consumer.acknowledge(delivery) for delivery in deliveries] == [ACKNOWLEDGED] * count
    return [delivery.hand_out.delivery_id for delivery in deliveries]


async def list_page(orders: OrderTrail, rpc: str, page_token: str = "", tokens: Sequence[str] = ()) -> Any:
    """Return a page of one row."""
    request = PAGES[rpc](page_size=1, page_token=page_token)
    if tokens:
        request.at_least_as_fresh.extend(tokens)
    [page] = await call(orders, rpc, request)
    return page


def read_row(page: Any) -> str:
    """Return what names the only row of a page."""
    match page:
        case ListProductTotalsResponse(totals=[total]):
            return str(total.product_id)
        case ListCommandsResponse(commands=[command]):
            return str(command.command_id)
        case ListSubscriptionsResponse(subscriptions=[subscription]):
            return str(subscription.name)
    [row] = page.orders if isinstance(page, ListOrdersResponse) else page.events
    return str(row.order_id)


async def list_first_pages(orders: OrderTrail, token: str, command_token: str) -> dict[str, str]:
    """Return the page tokens of the second pages, of lists that include what the tokens include."""
    fresh = {rpc: [token] for rpc in ("ListOrders", "ListOrderEvents", "ListProductTotals")}
    fresh["ListCommands"] = [command_token]
    return {rpc: (await list_page(orders, rpc, tokens=fresh.get(rpc, ()))).next_page_token for rpc in PAGES}


async def issue(orders: OrderTrail, count: int, acknowledgements: int) -> Issued:
    """Place orders, submit a command that stays open, list, and acknowledge events."""
    requests = [build_order(customer="shop-1") for _ in range(count)]
    receipts = [await orders.send(request) for request in requests]
    submission = await orders.submit(build_order(), build_order(), not_before=MUCH_LATER)
    page_tokens = await list_first_pages(orders, receipts[-1].consistency_token, submission.consistency_token)
    second_rows = {rpc: read_row(await list_page(orders, rpc, page_token)) for rpc, page_token in page_tokens.items()}
    return Issued(
        requests,
        receipts,
        submission.results[0].submission.command_id,
        submission.consistency_token,
        page_tokens,
        second_rows,
        await acknowledge(orders, acknowledgements),
    )


async def back_up_and_go_on(server: RunningServer) -> tuple[Issued, Issued]:
    """Back up when one event of five is not acknowledged. The lost part has three more."""
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        await orders.create_subscription("all")
        await orders.create_subscription("more")
        before = await issue(orders, 5, 4)
        backup = await asyncio.to_thread(
            NOBODY.run, "backup", str(server.data.with_name("backup")), "--data", str(server.data)
        )
        assert backup.returncode == 0, backup.stderr
        assert backup.stdout.startswith(
            "Backed up and verified: 5 records, 2 submitted commands and 2 subscriptions, in "
        )
        return before, await issue(orders, 3, 4)


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    folder = tmp_path_factory.mktemp("restore")
    with closing(RunningServer(folder / "data")) as server:
        server.start()
        before, after = asyncio.run(back_up_and_go_on(server))
        busy = NOBODY.run("restore", str(folder / "backup"), "--data", str(server.data))
        assert (busy.returncode, f"pid {server.pid}" in busy.stderr) == (1, True)
        server.kill()
        restore = NOBODY.run("restore", str(folder / "backup"), "--data", str(server.data))
        assert restore.returncode == 0, restore.stderr
        server.start()
        asyncio.run(wait_until_serving(server.address))
        yield Restored(server, before, after)
        assert server.stop() == 0
        assert server.faults == []
        audit = NOBODY.run("audit", "--data", str(server.data))
        assert audit.returncode == 0, audit.stdout


@pytest.fixture
async def orders(restored: Restored) -> Any:
    async with connect(restored.server.address) as client:
        yield client


async def call(orders: OrderTrail, rpc: str, request: Message) -> Any:
    return await RPCS[rpc].call(orders.channel, request.SerializeToString())


@pytest.mark.parametrize("field", [*POSITIONS, *SUBMISSIONS])
async def test_token_of_the_kept_part_is_valid(restored: Restored, orders: OrderTrail, field: str) -> None:
    token = restored.before.receipts[-1].consistency_token if field in POSITIONS else restored.before.command_token
    request = (POSITIONS | SUBMISSIONS)[field](token)
    refusal = await catch_refusal_if_any(call(orders, field.partition(".")[0], request))
    assert refusal is None or refusal.reason.endswith("_NOT_FOUND")  # the requests name no order or command that exists


@pytest.mark.parametrize("field", [*POSITIONS, *SUBMISSIONS])
async def test_token_of_the_lost_part_is_refused_with_its_own_reason(
    restored: Restored, orders: OrderTrail, field: str
) -> None:
    token = restored.after.receipts[-1].consistency_token if field in POSITIONS else restored.after.command_token
    rpc, _, path = field.partition(".")
    refusal = await catch_refusal(call(orders, rpc, (POSITIONS | SUBMISSIONS)[field](token)))
    assert (refusal.code.name, refusal.reason, refusal.fields) == ("OUT_OF_RANGE", "LOST_TOKEN", [path])


@pytest.mark.parametrize("rpc", PAGES)
async def test_page_token_of_the_kept_part_continues_its_list(restored: Restored, orders: OrderTrail, rpc: str) -> None:
    page = await list_page(orders, rpc, restored.before.page_tokens[rpc])
    assert read_row(page) == restored.before.second_rows[rpc]


@pytest.mark.parametrize("rpc", PAGES)
async def test_page_token_of_the_lost_part_is_refused(restored: Restored, orders: OrderTrail, rpc: str) -> None:
    refusal = await catch_refusal(list_page(orders, rpc, restored.after.page_tokens[rpc]))
    assert (refusal.reason, refusal.fields) == ("LOST_TOKEN", ["page_token"])


async def test_receipts_of_the_kept_part_are_verified_and_others_are_reported_lost(
    restored: Restored, orders: OrderTrail
) -> None:
    for receipt in restored.before.receipts:
        assert (await orders.verify(receipt)).result is ReceiptResult.VERIFIED
    for receipt in restored.after.receipts:
        assert (await orders.verify(receipt)).result is ReceiptResult.LOST_IN_RESTORE
    cli = CommandLine(restored.server.address)
    result = cli.run("verify", MessageToJson(restored.after.receipts[0]))
    assert (result.returncode, result.stdout.splitlines()[-1]) == (
        1,
        "Not verified, lost in a restore: The receipt's record was lost when the log was restored from a backup.",
    )


async def test_request_of_the_kept_part_is_answered_with_its_first_receipt(
    restored: Restored, orders: OrderTrail
) -> None:
    receipt = await orders.send(restored.before.requests[0])
    assert (receipt.replayed, receipt.digest) == (True, restored.before.receipts[0].digest)


async def test_submitted_commands_of_the_kept_part_are_there_and_others_are_not(
    restored: Restored, orders: OrderTrail
) -> None:
    assert (await orders.get_command(restored.before.command_id)).command_id == restored.before.command_id
    with pytest.raises(NotFound):
        await orders.get_command(restored.after.command_id)


async def test_subscription_goes_on_from_the_backup_with_the_same_delivery_ids(
    restored: Restored, orders: OrderTrail
) -> None:
    """First comes what was acknowledged after the backup, then what is new, under the offsets of lost events."""
    subscription = await orders.subscription("all")
    assert subscription.state == SubscriptionState.SUBSCRIPTION_STATE_ACTIVE
    receipts = [await orders.send(request) for request in restored.after.requests]
    assert [receipt.replayed for receipt in receipts] == [False] * 3
    lost_positions = [receipt.position.offset for receipt in restored.after.receipts]
    assert [receipt.position.offset for receipt in receipts] == lost_positions
    delivery_ids = await acknowledge(orders, 4)
    assert delivery_ids[0] == restored.after.delivery_ids[0]
    assert not set(delivery_ids) & {*restored.before.delivery_ids, *restored.after.delivery_ids[1:]}
    assert (await orders.subscription("all")).lag_count == 0
    # The new log has records at the offsets of the lost ones now, and still refuses their tokens.
    for receipt in restored.after.receipts:
        assert (await orders.verify(receipt)).result is ReceiptResult.LOST_IN_RESTORE
    for receipt in receipts:
        assert (await orders.verify(receipt)).result is ReceiptResult.VERIFIED


def test_restored_directory_has_nothing_of_the_old_one(restored: Restored) -> None:
    [former] = restored.server.data.parent.glob("data.before-restore-*")
    assert DataDirectory(former).log.exists()
    assert not restored.server.data.with_name("data.restoring").exists()
