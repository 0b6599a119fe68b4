"""The text of an exception, in a form that can be stored and sent."""

import re
from typing import Final

MAX_LENGTH: Final = 2_000
"""The most characters that are stored, because an error may quote a whole record. Answers show fewer."""

# Half a surrogate pair is not UTF-8, and SQLite's functions on text stop at a NUL.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def error_text(error: Exception) -> str:
    """Return an error's text, cut to MAX_LENGTH; unstorable characters are replaced. Never raises."""
    try:
        text = str(error)
    except Exception:  # an exception's __str__ is code that may raise too
        return "the text of the error cannot be read"
    # str's own methods, because __str__ may return a subclass; the rest of a long text is not read.
    storable = _UNSTORABLE.sub("\ufffd", str.__getitem__(text, slice(MAX_LENGTH)))
    return storable if str.__len__(text) <= MAX_LENGTH else f"{storable} …"


def named_error_text(error: Exception) -> str:
    """Return the error's type and text, for an error that was not written for a reader."""
    return f"{type(error).__name__[:MAX_LENGTH]}: {error_text(error)}"
