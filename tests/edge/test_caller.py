"""The caller is stored with every fact, so it has the same bounds as ids."""

import unicodedata

import pytest

from ordertrail_server.edge.caller import LONGEST, CallMetadata, read_metadata, refuse_unrecordable
from ordertrail_server.orders.refusal import Refused

CONTROL_CHARACTERS = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
NAMES = ["ordertrail-actor", "traceparent"]


@pytest.mark.parametrize("name", NAMES)
def test_control_character_is_refused(name: str) -> None:
    for character in CONTROL_CHARACTERS:
        for value in (character, f"clerk{character}", f"cl{character}erk"):
            with pytest.raises(Refused) as error:
                refuse_unrecordable(read_metadata([(name, value)]))
            assert error.value.refusal.where == name


@pytest.mark.parametrize("name", NAMES)
def test_too_long_metadata_value_is_refused(name: str) -> None:
    refuse_unrecordable(read_metadata([(name, "a" * LONGEST)]))
    with pytest.raises(Refused, match=f"{name} must have at most {LONGEST} characters"):
        refuse_unrecordable(read_metadata([(name, "a" * (LONGEST + 1))]))


def test_other_text_and_other_metadata_are_accepted() -> None:
    other_metadata = ("user-agent", "a\0b" * LONGEST)
    assert read_metadata([(NAMES[0], "Zoë 🙂"), other_metadata, (NAMES[1], "00-ab-cd-01")]) == CallMetadata(
        "Zoë 🙂", "00-ab-cd-01"
    )
    assert read_metadata([]) == CallMetadata()


def test_credentials_given_twice_are_refused() -> None:
    assert read_metadata([("authorization", "Bearer a")]) == CallMetadata("", "", "Bearer a")
    with pytest.raises(Refused, match="authorization must be given once"):
        read_metadata([("authorization", "Bearer a"), ("authorization", "Bearer a")])
