"""State records: what a server appends about a subscription."""

from json import dumps, loads
from typing import Any, NamedTuple

from ordertrail_server.subscriptions.changes import Change, from_json, to_json


class Claim(NamedTuple):
    """Who serves a subscription: an epoch, and the id of the server process. The first record has epoch 0 and no id.

    The id tells two servers apart that claim the same epoch at the same time.
    """

    epoch: int
    owner: str


UNCLAIMED = Claim(0, "")


class StateRecord(NamedTuple):
    """Changes of one subscription, which take effect together, or not at all if its claim is not the present one."""

    uid: str
    claim: Claim
    changes: tuple[Change, ...]

    def to_json(self) -> list[Any]:
        """Return claim and changes as values of JSON."""
        return [*self.claim, [to_json(change) for change in self.changes]]

    def to_text(self) -> str:
        """Return claim and changes as JSON."""
        return dumps(self.to_json(), separators=(",", ":"))

    @classmethod
    def from_json(cls, uid: str, values: list[Any]) -> "StateRecord":
        """Return the record of `to_json`. Raises ValueError, KeyError or TypeError for a record of a newer release."""
        epoch, owner, changes = values
        return cls(uid, Claim(epoch, owner), tuple(map(from_json, changes)))

    @classmethod
    def from_text(cls, uid: str, text: str) -> "StateRecord":
        """Return the record of `to_text`. Raises ValueError, KeyError or TypeError for a record of a newer release."""
        return cls.from_json(uid, loads(text))
