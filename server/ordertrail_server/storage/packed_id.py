"""Ids in SQLite: a UUID is stored as its 16 bytes, every other id as its text.

Both directions are SQL without own functions, so any SQLite reads these files. Packing is exact: two ids never have the
same packed form, and the packed form of UUIDs sorts as their text does.
"""

# The hexadecimal digits of each part of a UUID: the first one, counted from 1, and their number.
_PARTS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
_UUID = "-".join("[0-9a-f]" * count for _, count in _PARTS)


def pack_sql(text: str) -> str:
    """Return the SQL of the packed form of an id; `text` is the SQL of the id, such as a numbered parameter."""
    # GLOB ends at a NUL character.
    is_uuid = f"octet_length({text}) = 36 AND {text} GLOB '{_UUID}'"
    return f"CASE WHEN {is_uuid} THEN unhex({text}, '-') ELSE {text} END"


def unpack_sql(packed: str) -> str:
    """Return the SQL of the id whose packed form is the SQL expression `packed`."""
    parts = [f"substr(hex({packed}), {begin}, {count})" for begin, count in _PARTS]
    text = " || '-' || ".join(parts)
    return f"CASE typeof({packed}) WHEN 'blob' THEN lower({text}) ELSE {packed} END"
