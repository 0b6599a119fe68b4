"""The trees in which mistakes are made: the working tree, and later versions of its protos."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final

from tests.authoring.real_protos import copy_protos
from tests.evolving.checkout import ROOT, Checkout, check_out
from tests.evolving.mistakes.edit import combine_edits, replace_text
from tests.evolving.mistakes.schema import build_schema

from ordertrail_server.authoring.new_version import new_version
from ordertrail_server.schema.lock.lock_file import LOCK_NAME, append_unlocked

V1, V2, V3, V4, V5 = (f"proto/ordertrail/events/v{number}/order_events.proto" for number in range(1, 6))
RECORD = "proto/ordertrail/log/v1/record.proto"
LOCK = f"proto/{LOCK_NAME}"

FIELD = "(ordertrail.evolve.v1.field)"
_STORED_ONLY = "not_public: true"
_PREPARE_LOCK: Final = Lock()


class State(Enum):
    """The stage of a tree."""

    TODAY = "the working protos"
    V3 = "version 3 begun"
    V4 = "version 3 released, version 4 begun"
    CODE = "the working code"
    CODE_V3 = "the working code, version 3 begun"


@contextmanager
def copy_tree(state: State) -> Iterator[Path]:
    """Yield a copy of the tree in this state. It is deleted at the end of the context."""
    with _PREPARE_LOCK:
        prepared_tree = _prepared_tree(state)
    with TemporaryDirectory() as folder:
        yield Path(copytree(prepared_tree, Path(folder, "tree"), symlinks=True))


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory()


@cache
def _prepared_tree(state: State) -> Path:
    """Return the tree in this state, built once."""
    root = Path(_folder().name, state.name)
    if state is State.TODAY:
        copy_protos(root)
    elif state is State.CODE:
        add_tests(check_out(root))
    elif state is State.CODE_V3:
        copytree(_prepared_tree(State.CODE), root, symlinks=True)
        begin_v3(root)
        generate(root)
    elif state is State.V3:
        copytree(_prepared_tree(State.TODAY), root)
        begin_v3(root)
    else:
        copytree(_prepared_tree(State.V3), root)
        next_version(root)
    return root


def add_tests(checkout: Checkout) -> None:
    """Add the tests that guard stored data, and compile the Python code once for all copies."""
    for folder in ("corpus", "contract", "orders", "commands", "log"):
        copytree(ROOT / "tests" / folder, checkout.root / "tests" / folder, ignore=ignore_patterns("__pycache__"))
    (checkout.root / "tests" / "schema").mkdir()
    copy2(ROOT / "tests" / "schema" / "edited_protos.py", checkout.root / "tests" / "schema")
    checkout.runs("ordertrail", "schema", "check")


def generate(root: Path) -> None:
    """Compile the protos with `make generate`."""
    output = Checkout(root).runs("make", "--quiet", "generate")
    assert "***" not in output, output


def begin_v3(root: Path) -> None:
    """Begin version 3 of two events. Together its fields use every kind of rule."""
    for event in ("OrderPlaced", "OrderShipped"):
        new_version(root / "proto", event)
    _EDIT_V3(root)


def next_version(root: Path) -> None:
    """Release all messages, as `ordertrail schema lock` does, and begin the next version of OrderPlaced."""
    lock, record = root / LOCK, build_schema(root).record
    lock.write_text(append_unlocked(record, lock.read_text(encoding="utf-8")), encoding="utf-8")
    new_version(root / "proto", "OrderPlaced")


def write_from_option(version: str) -> str:
    """Return the option that declares the predecessor of a version of OrderPlaced."""
    return f'option (ordertrail.evolve.v1.message).from = "ordertrail.events.{version}.OrderPlaced";'


_DELIVERY = f"""\
// How urgent an order is.
enum Priority {{
  // Nothing is known.
  PRIORITY_UNSPECIFIED = 0;
  // As always.
  PRIORITY_NORMAL = 1;
  // Before others.
  PRIORITY_HIGH = 2;
}}

// What is known of a delivery.
message Delivery {{
  // The date on which the customer expects the goods. Absent if none was given.
  optional Date date = 1 [{FIELD}.from = "expected_delivery_date"];
}}

// The order was placed.
message OrderPlaced {{"""
_NEW_FIELDS = f"""\
  // What is known of the delivery.
  optional Delivery delivery = 5 [{FIELD}.from = "."];

  // The way by which the order came.
  optional string channel = 6 [{FIELD} = {{literal: "unknown" {_STORED_ONLY}}}];

  // What the packers should know.
  optional string note = 7 [{FIELD} = {{absent: true {_STORED_ONLY}}}];

  // What the shop calls the order, by language.
  map<string, string> titles = 8 [{FIELD} = {{absent: true {_STORED_ONLY}}}];

  // Who pays.
  oneof payer {{
    // The shop, by its account.
    string paying_shop = 9 [{FIELD} = {{absent: true {_STORED_ONLY}}}];
    // A person, by name.
    string paying_person = 10 [{FIELD} = {{absent: true {_STORED_ONLY}}}];
  }}

  // How urgent the order is.
  optional Priority priority = 11 [{FIELD} = {{literal: "PRIORITY_NORMAL" {_STORED_ONLY}}}];

  // How many parcels the shop expects.
  optional int64 parcels = 12 [{FIELD} = {{absent: true {_STORED_ONLY}}}];

  // What the parcels weigh together, in kilograms.
  optional double weight = 13 [{FIELD} = {{absent: true {_STORED_ONLY}}}];

  // Texts for the invoice.
  repeated string remarks = 14 [{FIELD} = {{absent: true {_STORED_ONLY}}}];

  // What the order is one of.
  optional OrderSource parent = 15 [{FIELD} = {{absent: true {_STORED_ONLY}}}];
"""
_EDIT_V3 = combine_edits(
    replace_text(V3, "ORDER_STATUS_CANCELLED", "ORDER_STATUS_CALLED_OFF"),
    replace_text(
        V3,
        "optional OrderStatus status = 4;",
        f"""optional OrderStatus status = 4 [{FIELD} = {{
    enum_map: {{from: "ORDER_STATUS_CANCELLED" to: "ORDER_STATUS_CALLED_OFF"}}
  }}];""",
    ),
    replace_text(
        V3,
        "string product_id = 1;",
        f'string sku = 1 [{FIELD}.from = "product_id"];',
        after="message OrderedLine {",
    ),
    replace_text(V3, "string customer_id = 1;", f'string shop_id = 1 [{FIELD}.from = "customer_id"];'),
    replace_text(
        V3,
        """\
  // The date on which the customer expects the goods. Absent if none was given.
  optional Date expected_delivery_date = 3;
""",
        _NEW_FIELDS,
    ),
    replace_text(V3, "// The order was placed.\nmessage OrderPlaced {", _DELIVERY),
)
