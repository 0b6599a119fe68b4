"""The body of a delivery: its event as a CloudEvent 1.0 in JSON (structured mode)."""

from json import dumps
from time import time_ns

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema.cloud_event import public_attributes
from ordertrail_server.schema.message_json import message_json
from ordertrail_server.subscriptions.webhook_changes import Prepared

CONTENT_TYPE = "application/cloudevents+json"


def prepare(event: HistoryEvent, position: int, delivery_id: str) -> Prepared:
    """Return the delivery of an event, created now. `data` is the event with its envelope, as JSON of the contract."""
    attributes = public_attributes(event) | {"datacontenttype": "application/json", "deliveryid": delivery_id}
    members = dumps(attributes, ensure_ascii=False, separators=(",", ":")).removesuffix("}")
    body = f'{members},"data":{message_json(event)}}}'
    return Prepared(event.order_id, position, attributes["type"], time_ns(), body)
