"""The samples of the corpus as records that fold, and damaged versions of them."""

from random import Random
from typing import NamedTuple

from tests.corpus.add import CORPUS
from tests.corpus.mutations import mutate

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_pb2 import Order, OrderLine
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.schema.wire import bytes_tag, chunk

VALUES = [path.read_bytes() for path in sorted(CORPUS.glob("v*/*.binpb"))]
PRICE = Money(currency_code="EUR", units=1)


class Setting(NamedTuple):
    """A sample, and the state of its order before it, so that the sample is a fact that folds."""

    value: bytes
    envelope: bytes
    tag: bytes
    event: bytes
    order_id: str
    stored: dict[str, Aggregate]


def read_setting(value: bytes) -> Setting:
    record = Record.FromString(value)
    case = record.WhichOneof("event")
    assert case is not None
    event, tag = getattr(record, case).SerializeToString(), bytes_tag(Record.DESCRIPTOR.fields_by_name[case].number)
    record.ClearField("event")
    return Setting(value, record.SerializeToString(), tag, event, record.order_id, before(record, case))


def before(record: Record, case: str) -> dict[str, Aggregate]:
    """The order of a record, if the record is not its first."""
    if record.order_version == 1:
        return {}
    products = ("p_23", "p_24", "p_25") if case != "order_line_added_v2" else ("p_23",)
    lines = [OrderLine(product_id=product, quantity=9, unit_price=PRICE) for product in products]
    order = Order(order_id=record.order_id, version=record.order_version - 1, lines=lines)
    return {record.order_id: Aggregate(order, record.order_version - 1, record.previous, "")}


SETTINGS = [read_setting(value) for value in VALUES]
EVENTS = [setting.event for setting in SETTINGS if setting.event]


def damage_record(setting: Setting, chance: Random) -> bytes:
    """Return the sample with damage anywhere, or only in its event. The result always differs."""
    value = setting.value
    while value == setting.value:
        value = _damaged(setting, chance)
    return value


def _damaged(setting: Setting, chance: Random) -> bytes:
    if chance.randrange(2):
        return mutate(setting.value, VALUES, chance)
    return setting.envelope + chunk(setting.tag, mutate(setting.event, EVENTS, chance))
