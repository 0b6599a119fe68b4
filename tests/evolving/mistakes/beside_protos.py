"""Mistakes outside of the protos: in Python, in generated code, in the corpus, or in a missing step."""

from pathlib import Path
from typing import Final

from tests.evolving.mistakes.edit import Edit, all_of, appended, cut, removed, replaced
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import RECORD, V1, V2, V3, State, generate, placed_from

from ordertrail_server.authoring.new_version import new_version

_READING: Final = "server/ordertrail_server/schema/v1.py"
_MEANINGS: Final = "server/ordertrail_server/schema/v1_values.py"
_GENERATED: Final = "client/ordertrail/events/v2/order_events_pb2.py"
_CREATED: Final = "def order_created(event: v1.OrderCreated) -> v2.OrderPlaced:"
_SAMPLE: Final = "tests/corpus/v1/OrderCreated-1"
_MEANS: Final = "test_corpus.py::test_sample_has_its_recorded_meaning"
_BRING_BACK: Final = "); bring it back"
_UNUSABLE: Final = "v2.OrderPlaced names the Python function v1.order_created, which cannot be used: "
_SHIPPED: Final = '"ordertrail.events.v2.OrderShipped"'
_THERE: Final = """\
from ordertrail.events.v3 import order_events_pb2 as v3
from ordertrail.v1 import order_events_pb2 as public


def shipped(event: v3.OrderShipped) -> public.OrderShipped:
    lines = [public.ShippedLine(product_id=line.product_id, quantity=line.quantity) for line in event.lines]
    return public.OrderShipped(lines=lines)
"""
_BACK: Final = """

def stored(shipped: public.OrderShipped) -> v3.OrderShipped:
    return v3.OrderShipped(lines=[v3.ShippedLine(product_id=line.product_id) for line in shipped.lines])
"""

_OPTION: Final = "option (ordertrail.evolve.v1.message)"
_THOUSANDS: Final = """\
from ordertrail.events.v2 import order_events_pb2 as v2
from ordertrail.events.v3 import order_events_pb2 as v3


def placed(event: v2.OrderPlaced) -> v3.OrderPlaced:
    new = v3.OrderPlaced.FromString(event.SerializeToString())
    if event.source.HasField("status"):
        new.source.status = 1000 + event.source.status
    return new
"""


def _python(title: str, says: str, edit: Edit) -> Mistake:
    return Mistake(title, Guard.CHECK, _UNUSABLE + says, edit, State.CODE)


def _meaning(title: str, sample: str, was: str, now: str) -> Mistake:
    return Mistake(title, Guard.CORPUS, f"{_MEANS}[{sample}]", replaced(_MEANINGS, was, now), State.CODE)


def _public(title: str, says: str, names: str, functions: str) -> Mistake:
    option = f"option (ordertrail.evolve.v1.message) = {{from: {_SHIPPED} python: {names}}};"
    edit = all_of(
        replaced(V3, f"option (ordertrail.evolve.v1.message).from = {_SHIPPED};", option),
        appended("server/ordertrail_server/schema/v3.py", functions),
        generate,
    )
    return Mistake(title, Guard.CHECK, says, edit, State.CODE_V3)


def _sample(title: str, says: str, edit: Edit) -> Mistake:
    return Mistake(title, Guard.CORPUS, says, edit, State.CODE)


def _empty_sample(root: Path) -> None:
    (root / f"{_SAMPLE}.binpb").write_bytes(b"")


def _begin_v3(root: Path) -> None:
    new_version(root / "proto", "OrderPlaced")


def _nothing(root: Path) -> None:
    """Change nothing: the mistake is a missing step."""


MISTAKES: Final = [
    _python(
        "a Python function is gone",
        "module 'ordertrail_server.schema.v1' has no attribute 'order_created'",
        cut(_READING, _CREATED, "\n\n\n"),
    ),
    _python(
        "a Python function is renamed",
        "module 'ordertrail_server.schema.v1' has no attribute 'order_created'",
        replaced(_READING, _CREATED, _CREATED.replace("order_created", "created_order")),
    ),
    _python(
        "a Python function loses its types",
        "it must take one message and return one, and say so in its signature",
        replaced(_READING, _CREATED, "def order_created(event):"),
    ),
    _python("a module of Python functions is gone", "No module named 'ordertrail_server.schema.v1'", removed(_READING)),
    Mistake(
        "a Python function reads another message",
        Guard.CHECK,
        "names more than one Python function that reads v1.OrderPlaced as v2.OrderPlaced: correct their types",
        replaced(_READING, _CREATED, _CREATED.replace("v1.OrderCreated", "v1.OrderPlaced")),
        State.CODE,
    ),
    _public(
        "a Python function reads the newest version, and none writes it",
        "v3.OrderShipped names a Python function for one way only: name one from ordertrail.v1.OrderShipped to it",
        '"v3.shipped"',
        _THERE,
    ),
    _public(
        "a Python function writes less than another one reads",
        "does not read back as itself: lines[0].quantity was 2, and is 0; make the writing function the inverse",
        '["v3.shipped", "v3.stored"]',
        _THERE + _BACK,
    ),
    Mistake(
        "a Python function gives a number that is no value of its enum",
        Guard.CHECK,
        "the Python function v2.placed gives v3.OrderSource.status the number 1007, which is no value of its enum",
        all_of(
            _begin_v3,
            replaced(V3, placed_from("v2"), f'{placed_from("v2")} {_OPTION}.python = "v2.placed";'),
            appended("server/ordertrail_server/schema/v2.py", _THOUSANDS),
            generate,
        ),
        State.CODE,
    ),
    Mistake(
        "a Python function gives one word a number that is no value of its enum",
        Guard.CORPUS,
        f"{_MEANS}[v1/OrderCreated-7]",
        replaced(_MEANINGS, "v2.ORDER_STATUS_CANCELLED: (", "9: ("),
        State.CODE,
    ),
    Mistake(
        "a released message that code knows is renamed, and all is generated",
        Guard.LOCK,
        "message v1.OrderPlaced: no record can hold it any more; a released message stays readable: restore it",
        all_of(
            replaced(V1, "message OrderPlaced {", "message FlatOrder {"),
            replaced(V2, "v1.OrderPlaced", "v1.FlatOrder"),
            replaced(RECORD, "v1.OrderPlaced", "v1.FlatOrder"),
            generate,
        ),
        State.CODE,
    ),
    _meaning("a status word is removed", "v1/OrderCreated-7", ' "canceled",', ""),
    _meaning("prices are rounded otherwise", "v1/OrderPlaced-5", "ROUND_HALF_EVEN).scaleb", '"ROUND_DOWN").scaleb'),
    _meaning(
        "month and day change places",
        "v1/OrderCreated-4",
        "int(parts[1]), int(parts[2])",
        "int(parts[2]), int(parts[1])",
    ),
    _sample(
        "the meaning of a sample is edited",
        "v1/OrderCreated-1 was added with other contents (meaning",
        replaced(f"{_SAMPLE}.json", "product 01", "product 02"),
    ),
    _sample("the bytes of a sample are edited", _BRING_BACK, _empty_sample),
    _sample("a sample is deleted", _BRING_BACK, all_of(removed(f"{_SAMPLE}.json"), removed(f"{_SAMPLE}.binpb"))),
    Mistake(
        "protos are edited and not generated",
        Guard.CHECK,
        "ordertrail/events/v2/order_events.proto was edited since the code was generated: run `make generate`",
        replaced(V2, "optional int64 units", "optional int32 units"),
        State.CODE,
    ),
    Mistake(
        "generated code is edited",
        Guard.FRESHNESS,
        "run `make generate`",
        replaced(_GENERATED, "nanos", "nanoz", after="Money\\x12"),
        State.CODE,
    ),
    Mistake(
        "a new version is not locked, and a server is started",
        Guard.START,
        "v3.OrderPlaced is not released, so it may still change: release it with `ordertrail schema lock`",
        _nothing,
        State.CODE_V3,
    ),
    Mistake(
        "the lock is left out of what is installed",
        Guard.PACKAGING,
        "test_wheel_contains_the_schema_lock_where_the_server_reads_it",
        replaced("pyproject.toml", '"proto/schema.lock" = ', '# "proto/schema.lock" = '),
        State.CODE,
    ),
]
