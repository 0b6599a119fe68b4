"""Notes of the mails that were sent, in an SQLite file."""

import sqlite3
from pathlib import Path

_CREATE = """
CREATE TABLE IF NOT EXISTS sent_mails (
    event_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, attempt_time TEXT NOT NULL, sent_time TEXT
)"""
_NOTE_ATTEMPT = """
INSERT INTO sent_mails VALUES (?, ?, datetime(), NULL)
ON CONFLICT DO UPDATE SET attempt_time = datetime()"""
_NOTE_SENT = "UPDATE sent_mails SET sent_time = datetime() WHERE event_id = ?"
_IS_SENT = "SELECT 1 FROM sent_mails WHERE event_id = ? AND sent_time IS NOT NULL"


class SentMails:
    """The mails by the ids of their events. What a method notes is on disk when it returns.

    The key is the event id and not the delivery id: it stays the same if the subscription is created again.
    Methods raise sqlite3.Error if the file cannot be read or written.
    """

    def __init__(self, file: Path) -> None:
        # One thread after another uses the connection.
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA synchronous = EXTRA")
        self._database.execute(_CREATE)

    def is_sent(self, event_id: str) -> bool:
        """Return whether the SMTP server has accepted the mail about this event."""
        return self._database.execute(_IS_SENT, (event_id,)).fetchone() is not None

    def note_attempt(self, event_id: str, order_id: str) -> None:
        """Note that the mail is about to be sent. On a full disk this fails, and so no mail is sent without a note."""
        self._database.execute(_NOTE_ATTEMPT, (event_id, order_id))

    def note_sent(self, event_id: str) -> None:
        """Note that the SMTP server has accepted the mail."""
        self._database.execute(_NOTE_SENT, (event_id,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()
