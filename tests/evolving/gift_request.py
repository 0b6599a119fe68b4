"""Orders of gifts by a client of the next release. The gift message is an unknown field in this release's contract."""

from tests.e2e.sample_orders import build_order

from ordertrail.v1.commands_pb2 import PlaceOrderRequest

# Field 13 of the request of the next release: see docs/changing-events.md.
_GIFT_MESSAGE = b"\x6a"
MESSAGE = "For you"


def build_gift_request(order_id: str = "", request_id: str = "", customer: str = "shop-1") -> PlaceOrderRequest:
    message_bytes = MESSAGE.encode()
    plain = build_order(order_id, request_id, customer).SerializeToString()
    return PlaceOrderRequest.FromString(plain + _GIFT_MESSAGE + bytes([len(message_bytes)]) + message_bytes)
