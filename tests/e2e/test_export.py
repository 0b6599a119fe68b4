"""An export beside a server that takes commands has all facts up to one position of the log, and nothing after it."""

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.cli.command_line import CommandLine
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import new_id
from tests.export.exported_files import read_files
from tests.export.folded_directory import Row

from ordertrail.client import OrderTrail
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.values import line
from ordertrail_server.export.file_format import FileFormat
from ordertrail_server.projections.timeline.tables import FOREVER

CALLERS = 4


async def place_and_change(orders: OrderTrail, stop: asyncio.Event) -> list[Receipt]:
    """Place orders and change each one, until `stop` is set. Returns all receipts."""
    receipts = []
    while not stop.is_set():
        order_id = new_id("order")
        receipts.append(await orders.place("shop-1", [line("apple", 1, "1.00", "EUR")], order_id=order_id))
        receipts.append(await orders.add_line(order_id, line("pear", 2, "2.00", "EUR")))
    return receipts


async def export_beside_writes(server: RunningServer, orders: OrderTrail, target: Path) -> tuple[Any, list[Any]]:
    """Export while callers send commands; return the summary and all receipts."""
    await wait_until_serving(server.address)
    stop = asyncio.Event()
    callers = [asyncio.create_task(place_and_change(orders, stop)) for _ in range(CALLERS)]
    arguments = ("export", "--data", str(server.data), "--to", str(target), "--json")
    result = await asyncio.to_thread(CommandLine(server.address).run, *arguments)
    stop.set()
    receipts = [receipt for receipts in await asyncio.gather(*callers) for receipt in receipts]
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), receipts


async def test_export_beside_writes_is_as_of_one_position(
    shared: RunningServer, orders: OrderTrail, tmp_path: Path
) -> None:
    summary, receipts = await export_beside_writes(shared, orders, tmp_path / "export")
    files = read_files(tmp_path / "export", FileFormat.JSON_LINES)
    included = {
        (receipt.order_id, receipt.order_version)
        for receipt in receipts
        if receipt.position.offset < summary["offsets"][str(receipt.position.partition)]
    }
    assert 0 < len(included) < len(receipts)
    versions: defaultdict[str, list[Row]] = defaultdict(list)
    for row in files["order_versions"]:
        versions[row["order_id"]].append(row)
    for order_id, rows in versions.items():
        assert [row["valid_until"] for row in rows] == [*(row["valid_from"] for row in rows[1:]), FOREVER], order_id
    for table in ("order_versions", "events"):
        assert {(row["order_id"], row["version"]) for row in files[table]} == included
        assert summary["rows"][table] == len(included)
    last_id, last_rows = list(versions.items())[-1]
    order = await orders.get(last_id, token=summary["token"])
    assert order.version == len(last_rows)
