"""Compile a hop to a function from one message to another: from its plan, or from its Python function."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ordertrail_server.schema.families import Hop
from ordertrail_server.schema.functions import Function
from ordertrail_server.schema.hops.compiler import compile_into
from ordertrail_server.schema.hops.nested_messages import MessageAction
from ordertrail_server.schema.hops.unnamed_value import UnnamedValue, unnamed_check

ReadInto: TypeAlias = Callable[[Any, Any], None]


def compile_hop(hop: Hop) -> ReadInto:
    """Return the function that reads the old message of a hop into an empty new one."""
    if hop.function is not None:
        return _compile_function(hop.function, unnamed_check(hop.new))
    assert hop.plan is not None
    return compile_into(hop.plan)


def _compile_function(function: Function, check: MessageAction | None) -> ReadInto:
    call = function.call

    def read_into(old: Any, new: Any) -> None:
        new.CopyFrom(call(old))

    def read_into_checked(old: Any, new: Any) -> None:
        read_into(old, new)
        assert check is not None
        try:
            check(new)
        except UnnamedValue as error:
            raise UnnamedValue(error.field, error.number, function.name) from None

    return read_into if check is None else read_into_checked
