"""Ids that the server generates."""

import uuid_utils


def create_id() -> str:
    """Return a new UUIDv7. Consecutive ids are adjacent in every index."""
    return str(uuid_utils.uuid7())
