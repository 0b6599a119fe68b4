"""What must hold of the log that a power cut leaves, checked with the product's own code."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.e2e.power_cuts.recording import Ends, History, read_history
from tests.e2e.reference_fold import assert_receipts_are_facts, fold_directory
from tests.e2e.running_server import RunningServer
from tests.e2e.sample_orders import build_order
from tests.log.contract import build_entry

from ordertrail.client import connect
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.chain import digest

LATER = build_entry("order-after-the-power-cut", 1)


class PromiseBroken(AssertionError):
    """A power cut lost or changed what had been acknowledged."""


async def check_image(data: Path, promised: Ends, history: History) -> None:
    """Check that the log holds what was promised, whole and in order, and nothing else, and that it grows.

    Raises PromiseBroken, and the errors of the log.
    """
    stored = await read_history(data)
    for messages, all_messages, end in zip(stored, history, promised, strict=True):
        _check_prefix(messages, all_messages, end)
    log = open_to_serve(data)
    try:
        end = len(stored.records)
        offsets = await log.append(0, [LATER])
        if (offsets, await log.read(0, end, 2)) != ([end], [Logged(end, *LATER, digest(LATER.value))]):
            raise PromiseBroken("the log does not hold what was appended to it after the power cut")
    finally:
        await log.close()


async def check_served_image(data: Path, promised: Ends, history: History) -> None:
    """Check that a server starts on the log, accepts commands, and continues every order's chain."""
    server = RunningServer(data)
    with closing(server.start()):
        async with connect(server.address) as orders:
            receipt = await orders.send(build_order())
        assert server.stop() == 0
        assert server.faults == []
    records = (await read_history(data)).records
    _check_prefix(records[: receipt.position.offset], history.records, promised.records)
    assert_receipts_are_facts([receipt], await fold_directory(data))


def _check_prefix(messages: Sequence[Logged], all_messages: Sequence[Logged], promised_end: int) -> None:
    if len(messages) < promised_end:
        raise PromiseBroken(f"{promised_end} messages were acknowledged, and {len(messages)} are there")
    if messages != all_messages[: len(messages)]:
        raise PromiseBroken("the messages differ from those that were appended")
