"""Mistakes in a new version: a wrong predecessor, or a wrong case in the record."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, combine_edits, cut_text, replace_text
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import RECORD, V2, V3, V4, State, write_from_option

_CASE: Final = "ordertrail.events.v3.OrderPlaced order_placed_v3 = 30;"
_RETIRED: Final = "option (ordertrail.evolve.v1.message).retired = true;"
_NO_EVENTS: Final = "which is the envelope's: give it one that was never used, of 20 to 99 or from 200 on"


def _from(title: str, says: str, predecessor: str) -> Mistake:
    edit = replace_text(V3, write_from_option("v2"), write_from_option("v2").replace("v2.OrderPlaced", predecessor))
    return _version(f"a new version reads from {title}", f"v3.OrderPlaced is read from {predecessor}, {says}", edit)


def _version(title: str, says: str, edit: Edit, state: State = State.V3) -> Mistake:
    return Mistake(title, Guard.CHECK, says, edit, state)


def _case(title: str, says: str, now: str) -> Mistake:
    return _version(title, says, replace_text(RECORD, _CASE, now))


def _python(title: str, name: str, says: str) -> Mistake:
    option = f'option (ordertrail.evolve.v1.message).python = "{name}";'
    edit = replace_text(V3, write_from_option("v2"), f"{write_from_option('v2')} {option}")
    return _version(
        f"a Python function is named {title}", f"v3.OrderPlaced names the Python function {name}, {says}", edit
    )


MISTAKES: Final = [
    _version(
        "a new version has no `from`",
        "ordertrail.v1.OrderPlaced has two newest versions, v2.OrderPlaced and v3.OrderPlaced: "
        "set `from` on the newer one",
        replace_text(V3, write_from_option("v2"), ""),
    ),
    _from("a misspelt message", "which is not an event of `Record`: correct its `from`", "v2.OrderPlacd"),
    _from("a message that is not an event", "which is not an event of `Record`: correct its `from`", "v2.Money"),
    _from("itself", "which is not an earlier version: correct its `from`", "v3.OrderPlaced"),
    _from("a later version", "which is not an event of `Record`: correct its `from`", "v4.OrderPlaced"),
    _version(
        "version 3 reads from version 1 instead of version 2",
        "v2.OrderPlaced and v3.OrderPlaced both name v1.OrderPlaced in `from`: let the newer one name the older one",
        replace_text(V3, write_from_option("v2"), write_from_option("v1")),
    ),
    _version(
        "version 4 reads from version 2 instead of version 3",
        "v3.OrderPlaced and v4.OrderPlaced both name v2.OrderPlaced in `from`: let the newer one name the older one",
        replace_text(V4, write_from_option("v3"), write_from_option("v2")),
        State.V4,
    ),
    _version(
        "a new version reads from another event",
        "v3.OrderPlaced and v3.OrderShipped both name v2.OrderPlaced in `from`: let the newer one name the older one",
        replace_text(V3, '"ordertrail.events.v2.OrderShipped"', '"ordertrail.events.v2.OrderPlaced"'),
    ),
    _version(
        "a new version has no case",
        "v3.OrderPlaced is an event without a case in ordertrail.log.v1.Record: add the case, or remove the event",
        cut_text(RECORD, "    ordertrail.events.v3.OrderPlaced", ";\n"),
    ),
    _case(
        "a case has a number reserved for the envelope", f"has the number 150, {_NO_EVENTS}", _CASE.replace("30", "150")
    ),
    _case(
        "a case has the first free number of the envelope",
        f"has the number 101, {_NO_EVENTS}",
        _CASE.replace("30", "101"),
    ),
    _case("a case has a reserved number", "use of reserved field number `19`", _CASE.replace("30", "19")),
    _case("a case has the number of another case", "field number `20` used more than once", _CASE.replace("30", "20")),
    _version(
        "a case has the number of another field of the public event",
        "has the number 16, which is another thing in ordertrail.v1.HistoryEvent: give it one that was never used",
        combine_edits(
            replace_text(RECORD, "  reserved 16 to 19;\n", ""), replace_text(RECORD, "_v3 = 30;", "_v3 = 16;")
        ),
    ),
    _case(
        "an event has two cases",
        "can hold v3.OrderPlaced under 2 numbers: keep the number that it had first",
        f"{_CASE} ordertrail.events.v3.OrderPlaced order_placed_again_v3 = 32;",
    ),
    _case("a case holds a scalar", "holds no message: name that of an event", "string order_placed_v3 = 30;"),
    _version(
        "a case is declared outside of the oneof",
        "order_placed_v3 has the number 30, which is an event's: give it one that was never used, of 100 to 199",
        combine_edits(
            cut_text(RECORD, f"    {_CASE}", "\n"), replace_text(RECORD, "  reserved 16", f"  {_CASE}\n  reserved 16")
        ),
    ),
    _version(
        "a field of the envelope has a number reserved for events",
        "Record.tenant has the number 40, which is an event's: give it one that was never used, of 100 to 199",
        replace_text(RECORD, "  reserved 16", "  optional string tenant = 40;\n  reserved 16"),
    ),
    _version(
        "a field of the envelope is missing from the public event",
        "Record and ordertrail.v1.HistoryEvent do not both have a field 101: add it where it is missing",
        replace_text(RECORD, "  reserved 16", "  optional string tenant = 101;\n  reserved 16"),
    ),
    _version(
        "a new version is in a package without a version number",
        "next.OrderPlaced is in no package of a version: move it to one",
        combine_edits(
            replace_text(V3, "package ordertrail.events.v3;", "package ordertrail.events.next;"),
            replace_text(RECORD, "v3.OrderPlaced", "next.OrderPlaced"),
            replace_text(RECORD, "v3.OrderShipped", "next.OrderShipped"),
        ),
    ),
    _version(
        "the newest version of an event is retired, but a command still produces it",
        "v3.OrderPlaced is `retired`, but commands lead to ordertrail.v1.OrderPlaced: remove `retired`",
        replace_text(V3, write_from_option("v2"), f"{write_from_option('v2')} {_RETIRED}"),
    ),
    _version(
        "a released event is retired, but a command still produces it",
        "v2.OrderReturned is `retired`, but commands lead to ordertrail.v1.OrderReturned: remove `retired`",
        replace_text(V2, "message OrderReturned {", f"message OrderReturned {{ {_RETIRED}"),
    ),
    _python("that does not exist", "v2.order_placed", "which cannot be used: No module named"),
    _python("without its module", "order_placed", "which cannot be used: name it with its module below"),
    _python(
        "of another event",
        "v1.order_placed",
        "which reads v1.OrderPlaced as v2.OrderPlaced, which is not a hop of that message: "
        "correct the function or `from`",
    ),
]
