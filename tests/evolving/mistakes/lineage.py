"""A new version has a wrong predecessor or a wrong case of the record."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, all_of, cut, replaced
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import RECORD, V2, V3, V4, State, placed_from

_CASE: Final = "ordertrail.events.v3.OrderPlaced order_placed_v3 = 30;"
_RETIRED: Final = "option (ordertrail.evolve.v1.message).retired = true;"
_NO_EVENTS: Final = "which is the envelope's: give it one that was never used, of 20 to 99 or from 200 on"


def _from(title: str, says: str, predecessor: str) -> Mistake:
    edit = replaced(V3, placed_from("v2"), placed_from("v2").replace("v2.OrderPlaced", predecessor))
    return _version(f"a new version reads from {title}", f"v3.OrderPlaced reads from {predecessor}, {says}", edit)


def _version(title: str, says: str, edit: Edit, state: State = State.V3) -> Mistake:
    return Mistake(title, Guard.CHECK, says, edit, state)


def _case(title: str, says: str, now: str) -> Mistake:
    return _version(title, says, replaced(RECORD, _CASE, now))


def _python(title: str, name: str, says: str) -> Mistake:
    option = f'option (ordertrail.evolve.v1.message).python = "{name}";'
    edit = replaced(V3, placed_from("v2"), f"{placed_from('v2')} {option}")
    return _version(
        f"a Python function is named {title}", f"v3.OrderPlaced names the Python function {name}, {says}", edit
    )


MISTAKES: Final = [
    _version(
        "a new version does not say `from`",
        "ordertrail.v1.OrderPlaced reads from v2.OrderPlaced and v3.OrderPlaced: set `from` on the newer one",
        replaced(V3, placed_from("v2"), ""),
    ),
    _from("a misspelt message", "which no record can hold: correct its `from`", "v2.OrderPlacd"),
    _from("a message that is no event", "which no record can hold: correct its `from`", "v2.Money"),
    _from("itself", "which is no earlier version: correct its `from`", "v3.OrderPlaced"),
    _from("a later version", "which no record can hold: correct its `from`", "v4.OrderPlaced"),
    _version(
        "a new version reads from the first one, past the second",
        "v2.OrderPlaced and v3.OrderPlaced both read from v1.OrderPlaced: make the newer read from the older",
        replaced(V3, placed_from("v2"), placed_from("v1")),
    ),
    _version(
        "a new version reads from the one that its predecessor reads from",
        "v3.OrderPlaced and v4.OrderPlaced both read from v2.OrderPlaced: make the newer read from the older",
        replaced(V4, placed_from("v3"), placed_from("v2")),
        State.V4,
    ),
    _version(
        "a new version reads from another event",
        "v3.OrderPlaced and v3.OrderShipped both read from v2.OrderPlaced: make the newer read from the older",
        replaced(V3, '"ordertrail.events.v2.OrderShipped"', '"ordertrail.events.v2.OrderPlaced"'),
    ),
    _version(
        "a new version gets no case",
        "v3.OrderPlaced is an event that no record can hold: add its case to ordertrail.log.v1.Record, or remove it",
        cut(RECORD, "    ordertrail.events.v3.OrderPlaced", ";\n"),
    ),
    _case("a case gets a number of the envelope", f"has the number 150, {_NO_EVENTS}", _CASE.replace("30", "150")),
    _case("a case gets the last number of the envelope", f"has the number 9, {_NO_EVENTS}", _CASE.replace("30", "9")),
    _case("a case gets a reserved number", "use of reserved field number `19`", _CASE.replace("30", "19")),
    _case("a case gets a number that is used", "field number `20` used more than once", _CASE.replace("30", "20")),
    _version(
        "a case gets a number that is another thing in public",
        "has the number 16, which is another thing in ordertrail.v1.HistoryEvent: give it one that was never used",
        all_of(replaced(RECORD, "  reserved 16 to 19;\n", ""), replaced(RECORD, "_v3 = 30;", "_v3 = 16;")),
    ),
    _case(
        "an event gets two cases",
        "can hold v3.OrderPlaced under 2 numbers: keep the number that it had first",
        f"{_CASE} ordertrail.events.v3.OrderPlaced order_placed_again_v3 = 32;",
    ),
    _case("a case holds a scalar", "holds no message: name that of an event", "string order_placed_v3 = 30;"),
    _version(
        "a case is outside of the oneof",
        "order_placed_v3 has the number 30, which is an event's: give it one that was never used, of 9 or 100 to 199",
        all_of(cut(RECORD, f"    {_CASE}", "\n"), replaced(RECORD, "  reserved 16", f"  {_CASE}\n  reserved 16")),
    ),
    _version(
        "a field of the envelope gets an event's number",
        "Record.tenant has the number 40, which is an event's: give it one that was never used, of 9 or 100 to 199",
        replaced(RECORD, "  reserved 16", "  optional string tenant = 40;\n  reserved 16"),
    ),
    _version(
        "a field of the envelope is not public",
        "Record and ordertrail.v1.HistoryEvent do not both have a field 100: add it where it is missing",
        replaced(RECORD, "  reserved 16", "  optional string tenant = 100;\n  reserved 16"),
    ),
    _version(
        "a new version is in a package without one",
        "next.OrderPlaced is in no package of a version: move it to one",
        all_of(
            replaced(V3, "package ordertrail.events.v3;", "package ordertrail.events.next;"),
            replaced(RECORD, "v3.OrderPlaced", "next.OrderPlaced"),
            replaced(RECORD, "v3.OrderShipped", "next.OrderShipped"),
        ),
    ),
    _version(
        "the newest version of an event is retired, whose command is still decided",
        "v3.OrderPlaced is `retired`, but commands lead to ordertrail.v1.OrderPlaced: remove `retired`",
        replaced(V3, placed_from("v2"), f"{placed_from('v2')} {_RETIRED}"),
    ),
    _version(
        "a released event is retired, whose command is still decided",
        "v2.OrderReturned is `retired`, but commands lead to ordertrail.v1.OrderReturned: remove `retired`",
        replaced(V2, "message OrderReturned {", f"message OrderReturned {{ {_RETIRED}"),
    ),
    _python("that is not there", "v2.order_placed", "which cannot be used: No module named"),
    _python("without its module", "order_placed", "which cannot be used: name it with its module below"),
    _python(
        "of another event",
        "v1.order_placed",
        "which reads v1.OrderPlaced as v2.OrderPlaced, which is no hop of that message: correct the function or `from`",
    ),
]
