"""The glossary defines every word in a public name that is not standard."""

import re

from tests.docs.names import public_names, words
from tests.docs.pages import LINK, ROOT

from ordertrail.v1.projection_service_pb2 import RecordVerdict

GLOSSARY = ROOT / "docs" / "glossary.md"
# Standard words of the field, of order processing, and of plain English. The glossary defines all other words.
STANDARD = frozenset((ROOT / "tests" / "docs" / "standard_words.txt").read_text().split())


def read_definitions() -> dict[str, str]:
    """Return the definition of each term, in the order of the page."""
    paragraphs = GLOSSARY.read_text().split("\n\n")[2:]
    matches = [re.fullmatch(r"\*\*(.+?)\*\* — (.+)", " ".join(paragraph.split())) for paragraph in paragraphs]
    assert all(matches), "a paragraph is no entry"
    return {entry[1]: entry[2] for entry in matches if entry}


def singular(word: str) -> str:
    return word.removesuffix("s")


def test_terms_are_in_alphabetical_order() -> None:
    assert list(read_definitions()) == sorted(read_definitions())


def test_each_definition_is_at_most_three_sentences_and_a_link() -> None:
    for term, definition in read_definitions().items():
        text, _, link = definition.partition(" See [")
        assert 1 <= len(re.findall(r"[.](?= |$)", text)) <= 3, term
        assert LINK.search(f"[{link}"), f"{term} has no link"


def test_every_verdict_is_defined() -> None:
    verdicts = {name.removeprefix("RECORD_VERDICT_").lower() for name, _ in RecordVerdict.items()} - {"unspecified"}
    assert verdicts <= read_definitions().keys()


def test_every_word_of_a_public_name_is_defined_or_standard() -> None:
    defined = {singular(word) for term in read_definitions() for word in words(term)}
    accepted_words = defined | {singular(word) for word in STANDARD}
    unknown = {
        (word, name, place)
        for name, place in public_names()
        for word in words(name)
        if singular(word) not in accepted_words
    }
    assert not unknown, "define them in docs/glossary.md, or add them to standard_words.txt if any engineer knows it"


def test_no_word_is_both_defined_and_standard_or_is_in_no_name() -> None:
    used = {singular(word) for name, _ in public_names() for word in words(name)}
    defined = {term for term in read_definitions() if " " not in term}
    assert not {word for word in STANDARD if word in defined or singular(word) not in used}
