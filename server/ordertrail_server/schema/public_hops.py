"""The hops between each public event and its newest stored version, for reading and writing."""

from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail_server.schema.ancestor import Ancestor, additions_plan, ancestor_gaps, ancestor_of, inherited_hops
from ordertrail_server.schema.cases import cases, message_of, public_events
from ordertrail_server.schema.families import Families, Hop, function_between
from ordertrail_server.schema.hops.public_match import invert_plan, match_public
from ordertrail_server.schema.rules import message_rules


class PublicHop(NamedTuple):
    """A public event and its newest stored version; `writes` is None for an event that is no longer written."""

    case: FieldDescriptor
    public: FieldDescriptor
    reads: Hop
    writes: Hop | None


class PublicHops:
    """The last hop of every family, by the full name of its newest stored message, and every gap."""

    def __init__(self, families: Families, record: Descriptor, history_event: Descriptor) -> None:
        self._families = families
        self._cases = {message_of(case).full_name: case for case in cases(record)}
        self._public = public_events(history_event)
        self.hops: dict[str, PublicHop] = {}
        self.gaps: list[str] = []
        for newest in families.newest:
            self._add(newest)
        # An unpaired event comes first, because other gaps follow from it.
        self.gaps = [*self._unpaired(), *self.gaps]

    @property
    def all_hops(self) -> list[Hop]:
        """Every hop to a public event, and every one back."""
        return [hop for pair in self.hops.values() for hop in (pair.reads, pair.writes) if hop is not None]

    def _add(self, newest: Descriptor) -> None:
        public = self._public.get(self._public_name(newest))
        if public is None:
            problem = f"{newest.full_name} has neither a successor nor a public event"
            self.gaps.append(f"{problem}: set `from` on its successor")
            return
        reads, writes = self._read_and_write_hops(newest, message_of(public))
        self.hops[newest.full_name] = PublicHop(self._cases[newest.full_name], public, reads, writes)

    def _read_and_write_hops(self, newest: Descriptor, public: Descriptor) -> tuple[Hop, Hop | None]:
        functions, retired = self._families.functions[newest.full_name], message_rules(newest).retired
        read, write = (function_between(functions, *direction) for direction in ((newest, public), (public, newest)))
        if (read is None) != (write is None) and not (retired and read):
            missing = f"from {public.full_name} to it" if read else f"from it to {public.full_name}"
            self.gaps.append(f"{newest.full_name} names a Python function for one direction only: name one {missing}")
        if not (read or write) and (ancestor := ancestor_of(newest, public, self._families)):
            return self._inherited(newest, public, ancestor)
        plan, gaps = match_public(newest, public, self._families.plans_to(newest))
        if not (read or write or newest.full_name in self._families.with_invalid_functions):
            self.gaps += gaps
        reads = Hop(newest, public, None if read else plan, read)
        return reads, None if retired else Hop(public, newest, None if write else invert_plan(plan), write)

    def _inherited(self, newest: Descriptor, public: Descriptor, ancestor: Ancestor) -> tuple[Hop, Hop | None]:
        is_written = not message_rules(newest).retired
        plan, gaps = additions_plan(newest, public, ancestor, self._families)
        gaps = [*ancestor_gaps(newest, ancestor, is_written=is_written), *gaps]
        if newest.full_name not in self._families.with_invalid_functions:
            self.gaps += gaps
        if gaps:
            # Placeholder hops, until the gaps are closed.
            return Hop(newest, public, plan, None), Hop(public, newest, invert_plan(plan), None) if is_written else None
        return inherited_hops(public, ancestor, plan, is_written=is_written)

    def _public_name(self, newest: Descriptor) -> str:
        if newest.name in self._public:
            return newest.name
        older = [hop.old for hop in self._families.hops.values() if self._families.hops_from(hop.old)[-1].new is newest]
        return next((message.name for message in older if message.name in self._public), newest.name)

    def _unpaired(self) -> list[str]:
        gaps = []
        for field in self._public.values():
            stored_names = sorted(name for name, hop in self.hops.items() if hop.public.number == field.number)
            event = message_of(field).full_name
            if not stored_names:
                gaps.append(f"{event} has no stored version: add one to ordertrail.log.v1.Record")
            elif len(stored_names) > 1:
                gaps.append(
                    f"{event} has two newest versions, {' and '.join(stored_names)}: set `from` on the newer one"
                )
        return gaps
