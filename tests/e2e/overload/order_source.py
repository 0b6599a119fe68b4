"""Large orders to place: they cost the server more time than the callers, which share the machine with it."""

from itertools import count

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.values import line
from ordertrail_server.schema.wire import bytes_tag, chunk

LINES = 40
_REQUEST_ID = bytes_tag(PlaceOrderRequest.DESCRIPTOR.fields_by_name["request_id"].number)


class OrderSource:
    """Creates requests that differ in their request ids, without serializing the order again."""

    def __init__(self, name: str) -> None:
        lines = [line(f"{'p' * 100}-{number}", 1, "2.50", "EUR") for number in range(LINES)]
        order = PlaceOrderRequest(customer_id="shop-1", lines=lines)
        self._name, self._order, self._numbers = name, order.SerializeToString(), count(1)

    def create(self) -> tuple[str, bytes]:
        """Return a new request id, and the request."""
        request_id = f"{self._name}/{next(self._numbers)}"
        return request_id, self._order + chunk(_REQUEST_ID, request_id.encode())
