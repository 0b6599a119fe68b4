"""Reuse of an earlier version's Python functions (to and from the public event) for later versions.

All hops from the earlier to the later version must be by rules. To read a later version, the rules are applied in
reverse, down to the earlier version, and then its function runs. To write, the other function runs first, and then the
rules. Fields that later versions added correspond to public fields directly.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.compiled_hop import ReadInto, compile_hop
from ordertrail_server.schema.families import Families, Hop, function_between
from ordertrail_server.schema.functions import Function
from ordertrail_server.schema.hops.compiler import compile_into
from ordertrail_server.schema.hops.plan import Plan
from ordertrail_server.schema.hops.public_match import invert_plan, match_public
from ordertrail_server.schema.hops.reverse_plan import copied_part, one_way_gaps, reverse_plan
from ordertrail_server.schema.hops.values import BOTH_WAYS


class Ancestor(NamedTuple):
    """An earlier version with Python functions for the public event, and the plans from it to the newest version.

    The plan of the last hop comes first.
    """

    message: Descriptor
    read: Function | None
    write: Function | None
    plans: Sequence[Plan]


def ancestor_of(newest: Descriptor, public: Descriptor, families: Families) -> Ancestor | None:
    """Return the nearest earlier version with Python functions for the public event, or None."""
    plans = families.plans_to(newest)
    for count, plan in enumerate(plans, 1):
        functions = families.functions[plan.old.full_name]
        read, write = (
            function_between(functions, *direction) for direction in ((plan.old, public), (public, plan.old))
        )
        if read or write:
            return Ancestor(plan.old, read, write, plans[:count])
    return None


def ancestor_gaps(newest: Descriptor, ancestor: Ancestor, *, is_written: bool) -> list[str]:
    """Return the reasons why the newest version cannot use the functions of an ancestor, each with its remedy."""
    name = ancestor.message.full_name
    gaps = (
        []
        if ancestor.read and (ancestor.write or not is_written)
        else [f"{name} names a Python function for one direction only"]
    )
    gaps += [f"{gap}, which {name} must read" for plan in ancestor.plans for gap in one_way_gaps(plan)]
    return [f"{gap}: {BOTH_WAYS} on {newest.full_name}" for gap in gaps]


def additions_plan(
    newest: Descriptor, public: Descriptor, ancestor: Ancestor, families: Families
) -> tuple[Plan, list[str]]:
    """Return the plan for the fields that the ancestor did not have, and each gap."""
    return match_public(newest, public, families.plans_to(newest), converted=len(ancestor.plans))


def inherited_hops(public: Descriptor, ancestor: Ancestor, added: Plan, *, is_written: bool) -> tuple[Hop, Hop | None]:
    """Return the hops to the public event and back; there must be no `ancestor_gaps`."""
    newest = added.old
    assert ancestor.read is not None
    out = [compile_into(reverse_plan(plan)) for plan in ancestor.plans]
    old_to_public = compile_hop(Hop(ancestor.message, public, None, ancestor.read))
    kinds = [message_class(plan.old) for plan in ancestor.plans]
    reads = _chain([*zip(out, kinds, strict=True), (old_to_public, message_class(public))], compile_into(added))
    hop = Hop(newest, public, None, ancestor.read._replace(reads=newest.full_name, call=reads))
    if ancestor.write is None or not is_written:
        return hop, None
    public_to_old = compile_hop(Hop(public, ancestor.message, None, ancestor.write))
    steps = [(compile_into(copied_part(plan)), message_class(plan.new)) for plan in reversed(ancestor.plans)]
    writes = _chain([(public_to_old, message_class(ancestor.message)), *steps], compile_into(invert_plan(added)))
    return hop, Hop(public, newest, None, ancestor.write._replace(gives=newest.full_name, call=writes))


def _chain(steps: Sequence[tuple[ReadInto, type[Any]]], add_new: ReadInto) -> Callable[[Any], Any]:
    """Return the function that takes a message through all steps and then merges in the added fields."""
    final_class = steps[-1][1]

    def call(message: Any) -> Any:
        old = message
        for read_into, message_type in steps:
            new = message_type()
            read_into(old, new)
            old = new
        additions = final_class()
        add_new(message, additions)
        old.MergeFrom(additions)
        return old

    return call
