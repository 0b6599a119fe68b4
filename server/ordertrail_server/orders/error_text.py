"""What an error says, as text that every store and every answer can hold."""

import re
from typing import Final

LONGEST: Final = 2_000
"""In characters, of what is stored; answers show less. An error may quote a whole record."""

# Half a surrogate pair is no UTF-8, and SQLite's functions on text end at a NUL.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def error_text(error: Exception) -> str:
    """Return what an error says, cut where it is long; unstorable characters are replaced. Never raises."""
    try:
        text = str(error)
    except Exception:  # an error's text is code too, of whoever wrote the error
        return "its text cannot be told"
    # Plain text, whatever the class of what it said; and no more of it is looked at than is kept.
    storable = _UNSTORABLE.sub("\ufffd", str.__getitem__(text, slice(LONGEST)))
    return storable if str.__len__(text) <= LONGEST else f"{storable} …"


def named_error_text(error: Exception) -> str:
    """Return the same behind the name of the error's type, for an error that was not meant to be read."""
    return f"{type(error).__name__[:LONGEST]}: {error_text(error)}"
