"""Damage to bytes, as disks, networks and programs cause it. The same seed causes the same damage."""

from collections.abc import Callable, Sequence
from random import Random


def mutate(value: bytes, donors: Sequence[bytes], chance: Random) -> bytes:
    """Return the bytes after one to four mutations. `donors` are bytes that may be mixed in."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        value = chance.choice(_MUTATIONS)(value, chance.choice(donors), chance)
    return value


def _flip_bit(value: bytes, donor: bytes, chance: Random) -> bytes:
    return _replace_byte(value, chance, lambda byte: byte ^ 1 << chance.randrange(8))


def _set_byte(value: bytes, donor: bytes, chance: Random) -> bytes:
    return _replace_byte(value, chance, lambda byte: chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))))


def _replace_byte(value: bytes, chance: Random, change: Callable[[int], int]) -> bytes:
    if not value:
        return value
    place = chance.randrange(len(value))
    return value[:place] + bytes((change(value[place]),)) + value[place + 1 :]


def _cut_end(value: bytes, donor: bytes, chance: Random) -> bytes:
    return value[: chance.randrange(len(value) + 1)]


def _cut_out(value: bytes, donor: bytes, chance: Random) -> bytes:
    begin = chance.randrange(len(value) + 1)
    return value[:begin] + value[begin + chance.randrange(9) :]


def _insert(value: bytes, donor: bytes, chance: Random) -> bytes:
    place = chance.randrange(len(value) + 1)
    return value[:place] + chance.randbytes(chance.randrange(1, 9)) + value[place:]


def _insert_part_of_other(value: bytes, donor: bytes, chance: Random) -> bytes:
    place, begin = chance.randrange(len(value) + 1), chance.randrange(len(donor))
    return value[:place] + donor[begin : begin + chance.randrange(1, 40)] + value[place:]


def _splice(value: bytes, donor: bytes, chance: Random) -> bytes:
    return value[: chance.randrange(len(value) + 1)] + donor[chance.randrange(len(donor)) :]


def _join(value: bytes, donor: bytes, chance: Random) -> bytes:
    return value + donor


_MUTATIONS = (_flip_bit, _flip_bit, _set_byte, _cut_end, _cut_out, _insert, _insert_part_of_other, _splice, _join)
