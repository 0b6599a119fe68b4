"""The caller is stored with every fact, so it has the same bounds as ids."""

import unicodedata

import pytest

from ordertrail_server.commands.prepare import Caller
from ordertrail_server.edge.caller import LONGEST, caller_of
from ordertrail_server.orders.refusal import Refused

CONTROL_CHARACTERS = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
NAMES = ["ordertrail-actor", "traceparent"]


@pytest.mark.parametrize("name", NAMES)
def test_control_character_is_refused(name: str) -> None:
    for character in CONTROL_CHARACTERS:
        for value in (character, f"clerk{character}", f"cl{character}erk"):
            with pytest.raises(Refused) as error:
                caller_of([(name, value)])
            assert error.value.refusal.where == name


@pytest.mark.parametrize("name", NAMES)
def test_too_long_metadata_value_is_refused(name: str) -> None:
    caller_of([(name, "a" * LONGEST)])
    with pytest.raises(Refused, match=f"{name} must have at most {LONGEST} characters"):
        caller_of([(name, "a" * (LONGEST + 1))])


def test_other_text_and_other_metadata_are_accepted() -> None:
    other_metadata = ("user-agent", "a\0b" * LONGEST)
    assert caller_of([(NAMES[0], "Zoë 🙂"), other_metadata, (NAMES[1], "00-ab-cd-01")]) == Caller(
        "Zoë 🙂", "00-ab-cd-01"
    )
    assert caller_of([]) == Caller("", "")
