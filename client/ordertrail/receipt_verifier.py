"""Checks a receipt against the log of a server: reads the stored bytes of its order's records, and proves them.

The server is only asked for bytes. What it states about digests is not used as a proof, only to find records.
"""

from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from google.protobuf.message import DecodeError

from ordertrail.errors import NotFound, OrderTrailError
from ordertrail.inspection_methods import InspectionMethods
from ordertrail.receipt_chain import ChainWalk, ReceiptResult, Verification, describe_change
from ordertrail.v1.position_pb2 import TokenContents
from ordertrail.v1.projection_service_pb2 import RECORD_VERDICT_FACT
from ordertrail.v1.receipt_pb2 import Receipt

__all__ = ["SCAN_LIMIT", "verify_receipt"]

SCAN_LIMIT = 10_000
"""How many records are read to find predecessors that the server does not list, such as recorded refusals."""
PAGE = 1_000
DIGEST_BYTES = 16
UNLISTED = ("ORDER_PARKED", "ORDER_NOT_FOUND")
"""The reasons why the server lists no facts of an order."""
# The first byte of a token of a position, without and with a time.
TOKEN_KINDS = (b"\x01", b"\x03")


class ListedFact(NamedTuple):
    """The offset and the digest of a fact, as the server lists it."""

    offset: int
    digest: bytes


async def verify_receipt(client: InspectionMethods, receipt: Receipt) -> Verification:
    """Check that the log still contains the record of a receipt, and that no record of its order before it was changed.

    Raises ValueError if the receipt has no digest or position or a damaged token, and the errors of the client.
    """
    if len(receipt.digest) != DIGEST_BYTES or not receipt.position.HasField("offset"):
        raise ValueError("The receipt has no digest or no position, as one of validate_only.")
    return await _ReceiptVerifier(client, receipt).verify()


class _ReceiptVerifier:
    def __init__(self, client: InspectionMethods, receipt: Receipt) -> None:
        self._client, self._receipt, self._walk = client, receipt, ChainWalk(receipt)
        self._partition = receipt.position.partition
        self._remaining_scans = SCAN_LIMIT

    async def verify(self) -> Verification:
        log = _read_token((await self._client.event_schemas()).consistency_token)
        token = self._receipt.consistency_token
        if token and _read_token(token).log_id != log.log_id:
            foreign = await self._check_predecessor(token)
            if foreign is not None:
                return foreign
        offset = self._receipt.position.offset
        try:
            explanation = await self._client.explain(self._partition, offset)
        except NotFound as error:
            is_newer = offset >= log.offsets.get(self._partition, 0)
            result = ReceiptResult.NEWER_THAN_LOG if is_newer else ReceiptResult.RECORD_MISSING
            return self._walk.conclude(result, error.message)
        if not self._walk.add(explanation.value, (self._partition, offset)):
            return self._walk.conclude(*describe_change(self._walk))
        failure = await self._walk_back()
        verification = failure or self._walk.verify()
        is_unchanged = verification.result in (ReceiptResult.VERIFIED, ReceiptResult.INCOMPLETE)
        if is_unchanged and explanation.verdict != RECORD_VERDICT_FACT:
            detail = f"The server does not accept the record as a fact: {explanation.verdict_detail}."
            return self._walk.conclude(ReceiptResult.NOT_A_FACT, f"{detail} {verification.detail}".rstrip())
        return verification

    async def _check_predecessor(self, token: str) -> Verification | None:
        """Return None if the log was restored from a backup of the receipt's log that has the receipt's record."""
        try:
            await anext(self._client.list_events(order_id=self._receipt.order_id, at_least_as_fresh=[token]), None)
        except OrderTrailError as error:
            if error.reason == "FOREIGN_TOKEN":
                return self._walk.conclude(ReceiptResult.FOREIGN_LOG, "The receipt is of another log.")
            if error.reason == "LOST_TOKEN":
                detail = "The receipt's record was lost when the log was restored from a backup."
                return self._walk.conclude(ReceiptResult.LOST_IN_RESTORE, detail)
            if error.reason not in UNLISTED:
                raise
        return None

    async def _walk_back(self) -> Verification | None:
        """Prove the records before the receipt's; return what is wrong with them, if anything is."""
        facts = [] if self._walk.is_complete else await self._list_facts()
        offsets = {fact.digest: fact.offset for fact in facts}
        while not self._walk.is_complete:
            listed_offset = offsets.get(self._walk.expected)
            if listed_offset is not None:
                is_proven = await self._add(listed_offset)
            else:  # the server does not list the record, because it is a recorded refusal, or was changed
                before = self._walk.links[-1].position
                assert before is not None  # this walk knows all positions
                begin = next((fact.offset for fact in facts if fact.offset < before[1]), -1)
                is_proven = await self._scan(before[1], begin)
            if not is_proven:
                return self._conclude_failure()
        return None

    async def _list_facts(self) -> Sequence[ListedFact]:
        """Return the facts of the order, the newest first; none if the server lists none, as for a parked order."""
        try:
            facts = [
                ListedFact(event.position.offset, event.digest)
                async for event in self._client.list_events(order_id=self._receipt.order_id, page_size=PAGE)
            ]
        except OrderTrailError as error:
            if error.reason not in UNLISTED:
                raise
            return []
        return facts[::-1]

    async def _scan(self, end: int, begin: int) -> bool:
        """Add the nearest record between two offsets that has the expected digest; return whether there is one."""
        for offset in range(end - 1, begin, -1):
            if not self._remaining_scans:
                return False
            self._remaining_scans -= 1
            if await self._add(offset):
                return True
        return False

    async def _add(self, offset: int) -> bool:
        try:
            explanation = await self._client.explain(self._partition, offset)
        except NotFound:  # a gap of the log
            return False
        return self._walk.add(explanation.value, (self._partition, offset))

    def _conclude_failure(self) -> Verification:
        if not self._remaining_scans:
            detail = f"The record with the digest {self._walk.expected.hex()} was not found in {SCAN_LIMIT:,} records."
            return self._walk.conclude(ReceiptResult.INCOMPLETE, detail)
        return self._walk.conclude(*describe_change(self._walk))


def _read_token(token: str) -> TokenContents:
    """Return the contents of a token (position.proto). Raises ValueError if it is damaged."""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        body, checksum = raw[:-4], raw[-4:]
        if body[:1] not in TOKEN_KINDS or crc32(body).to_bytes(4, "big") != checksum:
            raise ValueError("its checksum is wrong")
        return TokenContents.FromString(body[1:])
    except (ValueError, DecodeError) as error:
        raise ValueError("The consistency token of the receipt is damaged.") from error
