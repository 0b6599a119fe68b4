"""The lock of today's protos, and edits of released messages."""

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from tests.schema.edited_protos import RECORD, Protos

from ordertrail.evolve.v1 import rules_pb2
from ordertrail_server.schema.lock.lock_file import append_unlocked

LOCK = append_unlocked(RECORD, "")
PUT_BACK = "a released message never changes: restore it"
NEW_VERSION = f"; {PUT_BACK}, and copy it into a new version with `ordertrail schema new`"
NEW_NUMBER = f"; {PUT_BACK}; give a new field a number that was never used"
MONEY, STATUS, RECORD_NAME = (
    "message ordertrail.events.v2.Money: ",
    "enum ordertrail.events.v2.OrderStatus: ",
    "message ordertrail.log.v1.Record: ",
)
STRING, MESSAGE = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_MESSAGE


def drop_case(protos: Protos) -> None:
    protos.message("log.v1.Record").field.remove(protos.field("log.v1.Record", 29))


def drop_last_field(protos: Protos) -> None:
    message = protos.message("events.v1.OrderPlaced")
    message.field.pop()
    message.oneof_decl.pop()


def retype_units(protos: Protos) -> None:
    protos.field("events.v2.Money", 2).type = STRING


def swap_units_and_code(protos: Protos) -> None:
    code, units = protos.field("events.v2.Money", 1), protos.field("events.v2.Money", 2)
    code.number, units.number = 2, 1


def reuse_number_of_units(protos: Protos) -> None:
    protos.rename("events.v2.Money", 2, "note").type = STRING


def forget_presence(protos: Protos) -> None:
    money = protos.message("events.v2.Money")
    protos.field("events.v2.Money", 3).ClearField("oneof_index")
    protos.field("events.v2.Money", 3).ClearField("proto3_optional")
    money.oneof_decl.pop()


def make_oneof(protos: Protos) -> None:
    protos.field("events.v2.Money", 1).ClearField("proto3_optional")
    protos.message("events.v2.Money").oneof_decl[0].name = "part"


def add_alias(protos: Protos) -> None:
    protos.enum("events.v2.OrderStatus").options.allow_alias = True
    protos.enum("events.v2.OrderStatus").value.add(number=7, name="ORDER_STATUS_SENT_BACK")


def declare_dropped(protos: Protos) -> None:
    protos.message("events.v2.Money").options.Extensions[rules_pb2.message].dropped.append("rounding")


def declare_source_of_units(protos: Protos) -> None:
    rules = protos.field("events.v2.Money", 2).options.Extensions[rules_pb2.field]
    getattr(rules, "from").append("whole")
    rules.enum_map.add(to='B"').MergeFromString(b"\x0a\x01A")


def reuse_case(protos: Protos) -> None:
    case = protos.field("log.v1.Record", 29)
    case.name, case.type_name = "order_split_v2", ".ordertrail.events.v2.OrderCancelled"
