"""The pages of lists of subscriptions, of their parked orders, and of deliveries of webhooks."""

from collections.abc import Callable

from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail_server.history.pages import PagedRequest, next_page_token, read_page_start
from ordertrail_server.history.tokens import Offsets, token_of
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.token import PageKey


class SubscriptionPages:
    """Page tokens with the ends of the log at their page, which `known_ends` returns.

    After a restore they show whether the page may have named events that are lost.
    """

    def __init__(self, lineage: Lineage, known_ends: Callable[[], Offsets]) -> None:
        self._lineage, self._known_ends = lineage, known_ends

    def read_start(self, request: PagedRequest) -> PageTokenContents | None:
        """Return the sort key after which the page begins, None for the first page. Raises Refused."""
        return read_page_start(request, self._lineage)

    def next_token(self, request: PagedRequest, number: int, text: str) -> str:
        """Return the token of the page after the row with this sort key."""
        token = token_of(self._lineage.identity, self._known_ends())
        return next_page_token(request, self._lineage.identity, PageKey(number, text, consistency_token=token))
