"""Families of event versions: each version is read as its successor, the newest one as the public event.

Descriptors and their options decide all of it. A contradiction is reported as a gap and does not stop the others.
"""

from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor

from ordertrail_server.schema.cases import cases, message_of, version_of
from ordertrail_server.schema.functions import Function, functions_of
from ordertrail_server.schema.hops.matching import match_stored
from ordertrail_server.schema.hops.plan import Plan
from ordertrail_server.schema.rules import message_rules, sources_of


class Hop(NamedTuple):
    """One step from a message to the next: by a plan of rules, or by a Python function."""

    old: Descriptor
    new: Descriptor
    plan: Plan | None
    function: Function | None


class Families:
    """Every hop between stored versions, by the full name of the message that the hop reads, and every gap."""

    def __init__(self, record: Descriptor) -> None:
        self.stored = {message_of(case).full_name: message_of(case) for case in cases(record)}
        self.hops: dict[str, Hop] = {}
        self.functions: dict[str, list[Function]] = {}
        self.gaps: list[str] = []
        # Gaps of their rules are not reported, because their functions must be corrected first.
        self.with_invalid_functions: set[str] = set()
        for message in self.stored.values():
            self.functions[message.full_name], gaps = functions_of(message)
            gaps += self._misplaced_function_gaps(message)
            if gaps:
                self.with_invalid_functions.add(message.full_name)
            self.gaps += gaps
            for source in sources_of(message_rules(message)):
                self._add(source, message)

    @property
    def newest(self) -> list[Descriptor]:
        """The newest version of each family: the messages that have no successor."""
        return [message for name, message in self.stored.items() if name not in self.hops]

    def hops_from(self, message: Descriptor) -> list[Hop]:
        """Return the hops from a stored message to the newest one, in their order."""
        hops: list[Hop] = []
        while (hop := self.hops.get(message.full_name)) is not None:
            hops.append(hop)
            message = hop.new
        return hops

    def plans_to(self, newest: Descriptor) -> list[Plan]:
        """Return the plans of the hops to a message, last hop first; of several predecessors, the first one's."""
        plans: list[Plan] = []
        while (plan := self._plan_to(plans[-1].old if plans else newest)) is not None:
            plans.append(plan)
        return plans

    def _misplaced_function_gaps(self, message: Descriptor) -> Iterator[str]:
        """Yield a gap for each function that is not a hop of the message. Unused ones for a public event are valid."""
        name, sources = message.full_name, sources_of(message_rules(message))
        for function in self.functions[name]:
            gives_it = function.gives == name and (function.reads in sources or function.reads not in self.stored)
            if not gives_it and (function.reads != name or function.gives in self.stored):
                purpose = f"which reads {function.reads} as {function.gives}"
                subject = f"{name} names the Python function {function.name}, {purpose}"
                yield f"{subject}, which is not a hop of that message: correct the function or `from`"
        hops = [(function.reads, function.gives) for function in self.functions[name]]
        for reads, gives in dict.fromkeys(hop for hop in hops if hops.count(hop) > 1):
            yield f"{name} names more than one Python function that reads {reads} as {gives}: correct their types"

    def _plan_to(self, message: Descriptor) -> Plan | None:
        hops = (self.hops.get(source) for source in sources_of(message_rules(message)))
        return next((hop.plan for hop in hops if hop and hop.new.full_name == message.full_name), None)

    def _add(self, source: str, message: Descriptor) -> None:
        old = self.stored.get(source)
        if old is None:
            self.gaps.append(
                f"{message.full_name} is read from {source}, which is not an event of `Record`: correct its `from`"
            )
        elif version_of(old) >= version_of(message):
            self.gaps.append(
                f"{message.full_name} is read from {source}, which is not an earlier version: correct its `from`"
            )
        elif source in self.hops:
            readers = f"{self.hops[source].new.full_name} and {message.full_name}"
            self.gaps.append(f"{readers} both name {source} in `from`: let the newer one name the older one")
        else:
            self.hops[source] = self._hop(old, message)

    def _hop(self, old: Descriptor, new: Descriptor) -> Hop:
        function = function_between(self.functions[new.full_name], old, new)
        if function is not None:
            return Hop(old, new, None, function)
        plan, gaps = match_stored(old, new)
        if new.full_name not in self.with_invalid_functions:
            self.gaps += gaps
        return Hop(old, new, plan, None)


def function_between(functions: list[Function], reads: Descriptor, gives: Descriptor) -> Function | None:
    """Return the function that reads one message and returns the other, or None."""
    types = reads.full_name, gives.full_name
    return next((function for function in functions if (function.reads, function.gives) == types), None)
