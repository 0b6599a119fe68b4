import pytest
from tests.docs.likeness import missing

PRINTED = """
{
  "order_id": "tour-1",
  "offset": "17",
  "version": "2"
}
"""


@pytest.mark.parametrize(
    "shown",
    [
        ["{", '"order_id": "tour-1",', '"offset": "17",', '"version": "2"', "}"],
        ["{", '"order_id": "tour-1",', '"offset": "99999",', '"version": "2"', "}"],
        ["{", '"order_id": "tour-1",', "…"],
        ["…", '"version": "2"', "}"],
        ["{", "…", '"version": "2"', "}", ""],
    ],
    ids=["whole", "with another offset", "its beginning", "its end", "with a gap"],
)
def test_what_was_printed_is_alike(shown: list[str]) -> None:
    assert missing(shown, PRINTED) is None


@pytest.mark.parametrize(
    "shown",
    [
        ["{", '"order_id": "tour-2",', "…"],
        ["{", '"version": "2"', "}"],
        ["{", '"order_id": "tour-1",'],
        ["…", '"version": "2"', '"order_id": "tour-1",', "…"],
        ["…", '"version": "2"'],
        [],
    ],
    ids=["another value", "an unmarked gap", "an unmarked end", "another order", "an end left out", "nothing"],
)
def test_what_was_not_printed_so_is_not_alike(shown: list[str]) -> None:
    assert missing(shown, PRINTED)
