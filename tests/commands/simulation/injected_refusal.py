"""Injected recorded refusals: no server of a run submits commands, so none appends them."""

from random import Random

from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from tests.commands.simulation.reference_fold import ReferenceFold

from ordertrail.log.v1.record_pb2 import Cause, Record
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.log.port import Entry, Logged

MESSAGE = "The order forbade it when the command was submitted."


def create_refusal(random: Random, records: list[Logged], attempt: Attempt, may_be_link: bool) -> Entry:
    """Return a recorded refusal of an attempt's command, or of another command with its request id.

    It follows the newest link, an older one (it is late), or none (it breaks the chain).
    """
    links = ReferenceFold(records).links.get(attempt.order_id, [])
    predecessors = [(0, b""), *((link.version, link.digest) for link in links)]
    roll = random.random()
    if may_be_link and roll < 0.7:
        version, previous = predecessors[-1]
    elif links and roll < 0.95:
        version, previous = random.choice(predecessors[:-1])
    else:
        version, previous = predecessors[-1][0] + 1, predecessors[-1][1]
    digest = attempt.digest if random.random() < 0.8 else b"another command!"
    return Entry(attempt.order_id, _seal(attempt, digest, version, previous))


def _seal(attempt: Attempt, command_digest: bytes, version: int, previous: bytes) -> bytes:
    record = Record(
        event_id="refusal",
        order_id=attempt.order_id,
        order_version=version,
        previous=previous or None,
        cause=Cause(request_id=attempt.request_id, command_digest=command_digest),
        actor="a server that decides submitted commands",
    )
    record.refusal.status.CopyFrom(Status(code=9, message=MESSAGE))
    record.refusal.status.details.add().Pack(ErrorInfo(reason="STATUS_FORBIDS", metadata={"status": "confirmed"}))
    return record.SerializeToString()
