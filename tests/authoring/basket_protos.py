"""A small tree of protos that uses every feature of the language, with events in several versions."""

from collections.abc import Iterable
from pathlib import Path
from shutil import copy

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from ordertrail_server.authoring.buf import build
from ordertrail_server.schema.lock.lock_file import HEADER, LOCK_NAME
from ordertrail_server.schema.lock.sealed_text import Entry, append_entries

PROTO = Path(__file__).parents[2] / "proto"
RULES, RECORD = "ordertrail/evolve/v1/rules.proto", "ordertrail/log/v1/record.proto"
V1, V2 = "ordertrail/events/v1/shop_events.proto", "ordertrail/events/v2/shop_events.proto"
V3 = "ordertrail/events/v3/shop_events.proto"

FILES = {
    "shop/options.proto": """\
syntax = "proto3";
package shop;
import "google/protobuf/descriptor.proto";
message Hint { string text = 1; repeated int32 numbers = 2; map<string, double> weights = 3; Hint more = 4; }
enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; }
extend google.protobuf.FileOptions { optional string owner = 51000; Hint note = 51001; }
extend google.protobuf.MessageOptions { Hint hint = 51000; repeated string tag = 51001; }
extend google.protobuf.FieldOptions { Hint about = 51000; Colour colour = 51001; double weight = 51002; }
extend google.protobuf.EnumValueOptions { bytes raw = 51000; }
extend google.protobuf.OneofOptions { bool marked = 51000; }
extend google.protobuf.EnumOptions { optional sint64 rank = 51000; }
""",
    V1: """\
syntax = "proto3";
package ordertrail.events.v1;
// First of all.
message BasketFilled { optional string shop = 1; }
""",
    "bare.proto": """\
syntax = "proto3";
message Bare { message Inner {} }
""",
    V2: """\
syntax = "proto3";

package ordertrail.events.v2;

import "bare.proto";
import "google/protobuf/timestamp.proto";
import "ordertrail/evolve/v1/rules.proto";
import "shop/options.proto";

option go_package = "shop.example/rev22/events/v2;eventsv2";
option java_multiple_files = true;
option java_package = "example.events.v2";
option objc_class_prefix = "ShopV2";
option (shop.note) = {text: "v2 of all" numbers: [2]};
option (shop.owner) = "nobody2";

// Above the colours, and not of them.

// What a thing looks like.
enum Look {
  option allow_alias = true;
  option (shop.rank) = -7;
  // None.
  LOOK_UNSPECIFIED = 0; // behind the value
  LOOK_RED = 1 [deprecated = true, (shop.raw) = "\\x00\\"\\xff"];
  LOOK_CRIMSON = 1;
  LOOK_COLD = -3;
  // No more.
  reserved 5, 7 to 9, 1000 to max;
  reserved "LOOK_OLD";
}

// Used by nothing.
message Unused {}

// A thing in a basket.
message Thing { // behind the brace
  // What a part is.
  message Part {
    // Its own kind of look.
    enum Look {
      LOOK_UNSPECIFIED = 0;
    }
    // The part's own, not that of the package.
    Look look = 1;
    .ordertrail.events.v2.Look outer_look = 2;
    Thing again = 3;
  }
  // Parts by name.
  map<string, Part> parts = 1;
  map<int32, Wrapping> wrappings = 2;
}

// What a thing comes in: "café".
message Wrapping {
  option (ordertrail.evolve.v1.message).from = "ordertrail.events.v1.Paper";
  option deprecated = true;
  /* In a block,
   * on two lines. */
  option (shop.hint) = {text: "a \\"quoted\\" é\\n" numbers: [1, 2] weights: {key: "x" value: 0.5}};
  option (shop.tag) = "one";
  option (shop.tag) = "two";

  // Chosen, or not.
  oneof closing {
    option (shop.marked) = true;
    // By tape.
    string tape = 1;
    // By string.
    uint64 string = 2 [jstype = JS_STRING];
  }

  // Never set.
  optional bytes seal = 4;
  repeated sfixed32 folds = 6 [packed = false, (shop.about) = {text: "t" more: {numbers: 3}}];
  reserved 3, 10 to 12;
  reserved 5;
  reserved "knot", "bow";
}

// A basket was filled.
message BasketFilled {
  option (ordertrail.evolve.v1.message).from = "ordertrail.events.v1.BasketFilled";

  // Who filled it.
  optional string shop_id = 1 [
    (ordertrail.evolve.v1.field).from = "shop",
    (ordertrail.evolve.v1.field).public = "shop",
    json_name = "who",
    (shop.colour) = COLOUR_RED,
    (shop.weight) = -inf
  ];

  // With what.
  repeated Thing things = 2 [(ordertrail.evolve.v1.field).absent = true];
  optional Look look = 3 [(ordertrail.evolve.v1.field).not_public = true, (ordertrail.evolve.v1.field).absent = true];
  google.protobuf.Timestamp fill_time = 4;
  Thing.Part loose = 8;
  Bare.Inner bare = 9;
}

// A basket was emptied.
message BasketEmptied {
  Thing last = 1;
}
""",
    RECORD: """\
syntax = "proto3";

package ordertrail.log.v1;

import "ordertrail/events/v1/shop_events.proto";
import "ordertrail/events/v2/shop_events.proto";

message Record {
  string event_id = 1;

  oneof event {
    // The first words.
    ordertrail.events.v1.BasketFilled basket_filled_v1 = 20;
    // Filled.
    ordertrail.events.v2.BasketFilled basket_filled_v2 = 30;
    // Emptied.
    ordertrail.events.v2.BasketEmptied basket_emptied_v2 = 31;
  }
  // Not to be used.
  reserved 16 to 19;
}
""",
    "ordertrail/v1/history_event.proto": """\
syntax = "proto3";
package ordertrail.v1;
message BasketFilled { string shop = 1; }
message HistoryEvent { oneof event { BasketFilled basket_filled = 42; } }
""",
}


def write_protos(proto: Path) -> Path:
    """Write the tree; return its root."""
    for name, text in FILES.items():
        write(proto / name, text)
    (proto / RULES).parent.mkdir(parents=True)
    copy(PROTO / RULES, proto / RULES)
    return proto


def write(path: Path, text: str) -> None:
    """Write a file and create its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text of a file. Fails if the file lacks it."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    write(path, text.replace(old, new))


def lock(proto: Path, names: Iterable[str]) -> None:
    """Lock these messages and no others."""
    write(proto / LOCK_NAME, append_entries(HEADER, [Entry(f"message {name}", ("as it was",)) for name in names]))


def contents(proto: Path) -> dict[str, bytes]:
    """Return the bytes of every file, hidden files included."""
    return {str(path.relative_to(proto)): path.read_bytes() for path in proto.rglob("*") if path.is_file()}


def compiled(proto: Path) -> FileDescriptorSet:
    """Compile the tree."""
    return FileDescriptorSet.FromString(build(proto))
