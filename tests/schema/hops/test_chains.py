"""Chains of versions with random legal changes are read without losing a value."""

from collections import Counter
from collections.abc import Iterator, Set as AbstractSet
from itertools import count
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given, settings, strategies as st
from tests.schema.hops.evolutions import Chain, evolution
from tests.schema.hops.trees import Tree, to_json, trees
from tests.schema.strategies import messages

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.hops.values import entry_of, is_map
from ordertrail_server.schema.wire import bytes_tag, chunk, varint_tag

VERSIONS = 6
CHAINS = {
    **{f"free{seed}": evolution(seed, VERSIONS, keeps_public=False) for seed in range(8)},
    **{f"kept{seed}": evolution(100 + seed, VERSIONS, keeps_public=True) for seed in range(8)},
}
EVENTS = [f"v{version}.Placed" for version in range(1, VERSIONS + 1)]


@pytest.fixture(scope="module")
def compiled() -> dict[str, Tree]:
    return trees({name: chain.texts for name, chain in CHAINS.items()})


@pytest.mark.parametrize("name", CHAINS)
def test_legal_chain_of_versions_has_no_gap(compiled: dict[str, Tree], name: str) -> None:
    assert (compiled[name].gaps, compiled[name].public_gaps) == ([], [])


@pytest.mark.parametrize("name", CHAINS)
def test_fused_hops_read_as_single_hops_do(compiled: dict[str, Tree], name: str) -> None:
    readers = [compiled[name].reader(event) for event in EVENTS]
    ways = [[(compile_hop(hop), message_class(hop.new)) for hop in reader.hops] for reader in readers]
    stored = [messages(reader.hops[0].old) for reader in readers]

    @settings(max_examples=15)
    @given(st.integers(0, VERSIONS - 1), st.data())
    def reads(place: int, data: st.DataObject) -> None:
        message = data.draw(stored[place])
        at_once = message_class(readers[place].hops[-1].new)()
        readers[place].read(message.SerializeToString(), at_once)
        for into, kind in ways[place]:
            new = kind()
            into(message, new)
            message = new
        assert at_once == message
        assert to_json(at_once) == to_json(message)

    reads()


@pytest.mark.parametrize("name", CHAINS)
def test_bytes_with_a_repeated_field_read_as_their_merged_message(compiled: dict[str, Tree], name: str) -> None:
    readers = [compiled[name].reader(event) for event in EVENTS]
    stored = [messages(reader.hops[0].old) for reader in readers]

    @settings(max_examples=15)
    @given(st.integers(0, VERSIONS - 1), st.data())
    def reads(place: int, data: st.DataObject) -> None:
        reader, message, again = readers[place], data.draw(stored[place]), data.draw(stored[place])
        both = message.SerializeToString() + again.SerializeToString()
        from_both, from_merged = (message_class(reader.hops[-1].new)() for _ in range(2))
        reader.read(both, from_both)
        reader.read(type(message).FromString(both).SerializeToString(), from_merged)
        assert from_both == from_merged

    reads()


@pytest.mark.parametrize("name", CHAINS)
def test_unknown_fields_do_not_change_a_reading(compiled: dict[str, Tree], name: str) -> None:
    unknown = b"".join(
        chunk(bytes_tag(number), b"\xff") + varint_tag(number + 1) + b"\x01" for number in (9_000, 9_500)
    )
    for event in EVENTS:
        reader = compiled[name].reader(event)
        for message in full_messages(reader.hops[0].old):
            plain, more = (message_class(reader.hops[-1].new)() for _ in range(2))
            reader.read(message.SerializeToString(), plain)
            reader.read(message.SerializeToString() + unknown, more)
            assert set(_numbers(UnknownFieldSet(more))) == {9_000, 9_001, 9_500, 9_501}
            more.DiscardUnknownFields()
            assert more == plain


@pytest.mark.parametrize("name", CHAINS)
def test_every_value_that_is_not_dropped_is_in_the_next_version(compiled: dict[str, Tree], name: str) -> None:
    tree, chain = compiled[name], CHAINS[name]
    for event in EVENTS[:-1]:
        hop = tree.families.hops[f"{name}.{event}"]
        for old in full_messages(hop.old):
            new = message_class(hop.new)()
            compile_hop(hop)(old, new)
            assert not list_kept_values(old, name, chain) - Counter(values(new)), event


@pytest.mark.parametrize("name", CHAINS)
def test_every_value_of_the_newest_version_is_in_the_public_event(compiled: dict[str, Tree], name: str) -> None:
    [hop] = compiled[name].public.hops.values()
    for stored in full_messages(hop.reads.old):
        public = message_class(hop.reads.new)()
        compile_hop(hop.reads)(stored, public)
        assert Counter(values(public)) == Counter(values(stored))


@pytest.mark.parametrize("name", CHAINS)
def test_written_event_reads_back_as_itself(compiled: dict[str, Tree], name: str) -> None:
    [hop] = compiled[name].public.hops.values()
    assert hop.writes is not None
    write, read = compile_hop(hop.writes), compile_hop(hop.reads)

    @settings(max_examples=12)
    @given(messages(hop.reads.new))
    def reads_back(public: Message) -> None:
        stored, again = message_class(hop.reads.old)(), message_class(hop.reads.new)()
        write(public, stored)
        to_json(stored)
        read(stored, again)
        assert remove_empty_messages(to_json(again)) == remove_empty_messages(to_json(public))

    reads_back()


def _numbers(unknown: UnknownFieldSet) -> Iterator[int]:
    return (unknown[place].field_number for place in range(len(unknown)))


def remove_empty_messages(value: Any) -> Any:
    """Return JSON without empty messages, because a moved value does not show that its old message was present."""
    if not isinstance(value, dict):
        return [remove_empty_messages(element) for element in value] if isinstance(value, list) else value
    bare = {key: remove_empty_messages(element) for key, element in value.items()}
    return {key: element for key, element in bare.items() if element != {}}


def full_messages(message: Descriptor) -> Iterator[Message]:
    """Yield messages with every field set to unique values; each member of a oneof is set in one of them."""
    for member in (0, 1):
        numbers = count(1)
        full = message_class(message)()
        _fill(full, numbers, member)
        yield full


def _fill(message: Any, numbers: Iterator[int], member: int) -> None:
    for field in message.DESCRIPTOR.fields:
        rivals = field.containing_oneof.fields if field.containing_oneof else [field]
        if len(rivals) > 1 and rivals[member].name != field.name:
            continue
        if is_map(field):
            _fill_map(getattr(message, field.name), entry_of(field)[1], numbers, member)
        elif field.message_type is not None:
            value = getattr(message, field.name)
            for element in [value.add(), value.add()] if field.is_repeated else [value]:
                element.SetInParent()
                _fill(element, numbers, member)
        elif field.is_repeated:
            getattr(message, field.name).extend(_value(field, next(numbers)) for _ in range(2))
        else:
            setattr(message, field.name, _value(field, next(numbers)))


def _fill_map(entries: Any, value: FieldDescriptor, numbers: Iterator[int], member: int) -> None:
    for _ in range(2):
        key = f"key {next(numbers)}"
        if value.message_type is not None:
            _fill(entries[key], numbers, member)
        else:
            entries[key] = _value(value, next(numbers))


def _value(field: FieldDescriptor, number: int) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[number % len(field.enum_type.values)].number
    kinds = {FieldDescriptor.TYPE_BOOL: True, FieldDescriptor.TYPE_STRING: f"text {number}"}
    fractions = (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"%d" % number
    return kinds.get(field.type, number + 0.5 if field.type in fractions else number)


def list_kept_values(message: Message, tree: str, chain: Chain) -> Counter[Any]:
    """Return the values of the fields that the next version does not drop."""
    return Counter(values(message, {f"{tree}.{name}" for name in chain.dropped}))


def values(message: Any, but: AbstractSet[str] = frozenset()) -> Iterator[Any]:
    """Yield every text, number and map key in a message; for an enum only its presence."""
    for field, value in message.ListFields():
        if field.full_name in but:
            continue
        inner = entry_of(field)[1] if is_map(field) else field
        if is_map(field):
            yield from value
        for element in value.values() if is_map(field) else value if field.is_repeated else [value]:
            if inner.message_type is not None:
                yield from values(element, but)
            else:
                yield "a value" if inner.enum_type else element
