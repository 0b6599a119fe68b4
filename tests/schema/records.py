"""Records for the tests of this folder."""

from ordertrail_server.schema.writing import seal

TIME_NS = 1_700_000_000_000_000_005


def build_record(chunk: bytes, order_id: str = "order-1", order_version: int = 2) -> bytes:
    """Return a record with the event of the chunk and a full envelope."""
    return seal(
        event_id="01890a5d-ac96-774b-bcce-b302099a8057",
        order_id=order_id,
        order_version=order_version,
        previous=b"p" * 16,
        record_time_ns=TIME_NS,
        request_id="request-1",
        command_digest=b"c" * 16,
        origin="file:1",
        actor="someone",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        chunk=chunk,
    )
