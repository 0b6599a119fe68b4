"""Mistakes outside of the protos: in Python code, in generated code, in the corpus, or a forgotten step."""

from pathlib import Path
from typing import Final

from tests.evolving.mistakes.edit import Edit, append_text, combine_edits, cut_text, remove_file, replace_text
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import RECORD, V1, V2, V3, State, generate, write_from_option

from ordertrail_server.authoring.new_version import new_version

_UPCASTERS: Final = "server/ordertrail_server/schema/v1.py"
_MEANINGS: Final = "server/ordertrail_server/schema/v1_values.py"
_GENERATED: Final = "client/ordertrail/events/v2/order_events_pb2.py"
_CREATED: Final = "def order_created(event: v1.OrderCreated) -> v2.OrderPlaced:"
_SAMPLE: Final = "tests/corpus/v1/OrderCreated-1"
_MEANS: Final = "test_corpus.py::test_sample_has_its_recorded_meaning"
_BRING_BACK: Final = "); bring it back"
_UNUSABLE: Final = "v2.OrderPlaced names the Python function v1.order_created, which cannot be used: "
_SHIPPED: Final = '"ordertrail.events.v2.OrderShipped"'
_READING_FUNCTION: Final = """\
from ordertrail.events.v3 import order_events_pb2 as v3
from ordertrail.v1 import order_events_pb2 as public


def shipped(event: v3.OrderShipped) -> public.OrderShipped:
    lines = [public.ShippedLine(product_id=line.product_id, quantity=line.quantity) for line in event.lines]
    return public.OrderShipped(lines=lines)
"""
_WRITING_FUNCTION: Final = """

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
    return Mistake(title, Guard.CORPUS, f"{_MEANS}[{sample}]", replace_text(_MEANINGS, was, now), State.CODE)


def _public(title: str, says: str, names: str, functions: str) -> Mistake:
    option = f"option (ordertrail.evolve.v1.message) = {{from: {_SHIPPED} python: {names}}};"
    edit = combine_edits(
        replace_text(V3, f"option (ordertrail.evolve.v1.message).from = {_SHIPPED};", option),
        append_text("server/ordertrail_server/schema/v3.py", functions),
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
        "a Python function is deleted",
        "module 'ordertrail_server.schema.v1' has no attribute 'order_created'",
        cut_text(_UPCASTERS, _CREATED, "\n\n\n"),
    ),
    _python(
        "a Python function is renamed",
        "module 'ordertrail_server.schema.v1' has no attribute 'order_created'",
        replace_text(_UPCASTERS, _CREATED, _CREATED.replace("order_created", "created_order")),
    ),
    _python(
        "a Python function has no type annotations",
        "it must take one message and return one, and say so in its signature",
        replace_text(_UPCASTERS, _CREATED, "def order_created(event):"),
    ),
    _python(
        "a module of Python functions is deleted",
        "No module named 'ordertrail_server.schema.v1'",
        remove_file(_UPCASTERS),
    ),
    Mistake(
        "a Python function has the parameter type of another function",
        Guard.CHECK,
        "names more than one Python function that reads v1.OrderPlaced as v2.OrderPlaced: correct their types",
        replace_text(_UPCASTERS, _CREATED, _CREATED.replace("v1.OrderCreated", "v1.OrderPlaced")),
        State.CODE,
    ),
    _public(
        "the newest version has a reading function and no writing function",
        "v3.OrderShipped names a Python function for one direction only: "
        "name one from ordertrail.v1.OrderShipped to it",
        '"v3.shipped"',
        _READING_FUNCTION,
    ),
    _public(
        "a writing function omits a field that the reading function sets",
        "changes in a round trip: lines[0].quantity was 2, and is 0; make the writing function the inverse",
        '["v3.shipped", "v3.stored"]',
        _READING_FUNCTION + _WRITING_FUNCTION,
    ),
    Mistake(
        "a Python function returns an undefined enum number for every value",
        Guard.CHECK,
        "the Python function v2.placed gives v3.OrderSource.status the number 1007, which is not a value of its enum",
        combine_edits(
            _begin_v3,
            replace_text(V3, write_from_option("v2"), f'{write_from_option("v2")} {_OPTION}.python = "v2.placed";'),
            append_text("server/ordertrail_server/schema/v2.py", _THOUSANDS),
            generate,
        ),
        State.CODE,
    ),
    Mistake(
        "a Python function returns an undefined enum number for one status word",
        Guard.CORPUS,
        f"{_MEANS}[v1/OrderCreated-7]",
        replace_text(_MEANINGS, "v2.ORDER_STATUS_CANCELLED: (", "9: ("),
        State.CODE,
    ),
    Mistake(
        "a released message is renamed and the code is generated",
        Guard.LOCK,
        "message v1.OrderPlaced: no record can hold it any more; a released message stays readable: restore it",
        combine_edits(
            replace_text(V1, "message OrderPlaced {", "message FlatOrder {"),
            replace_text(V2, "v1.OrderPlaced", "v1.FlatOrder"),
            replace_text(RECORD, "v1.OrderPlaced", "v1.FlatOrder"),
            generate,
        ),
        State.CODE,
    ),
    _meaning("a status word is removed", "v1/OrderCreated-7", ' "canceled",', ""),
    _meaning(
        "the rounding mode of prices is changed", "v1/OrderPlaced-5", "ROUND_HALF_EVEN).scaleb", '"ROUND_DOWN").scaleb'
    ),
    _meaning(
        "month and day of a date are swapped",
        "v1/OrderCreated-4",
        "int(parts[1]), int(parts[2])",
        "int(parts[2]), int(parts[1])",
    ),
    _sample(
        "the recorded meaning of a sample is edited",
        "v1/OrderCreated-1 was added with other contents (meaning",
        replace_text(f"{_SAMPLE}.json", "product 01", "product 02"),
    ),
    _sample("the bytes of a sample are edited", _BRING_BACK, _empty_sample),
    _sample(
        "a sample is deleted",
        _BRING_BACK,
        combine_edits(remove_file(f"{_SAMPLE}.json"), remove_file(f"{_SAMPLE}.binpb")),
    ),
    Mistake(
        "protos are edited and code is not generated",
        Guard.CHECK,
        "ordertrail/events/v2/order_events.proto was edited since the code was generated: run `make generate`",
        replace_text(V2, "optional int64 units", "optional int32 units"),
        State.CODE,
    ),
    Mistake(
        "generated code is edited",
        Guard.FRESHNESS,
        "run `make generate`",
        replace_text(_GENERATED, "nanos", "nanoz", after="Money\\x12"),
        State.CODE,
    ),
    Mistake(
        "a server is started with an unlocked version",
        Guard.START,
        "v3.OrderPlaced is not released, so it may still change: release it with `ordertrail schema lock`",
        _nothing,
        State.CODE_V3,
    ),
    Mistake(
        "schema.lock is missing from the installed package",
        Guard.PACKAGING,
        "test_wheel_contains_the_schema_lock_where_the_server_reads_it",
        replace_text("pyproject.toml", '"proto/schema.lock" = ', '# "proto/schema.lock" = '),
        State.CODE,
    ),
]
