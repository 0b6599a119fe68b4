import pytest
from tests.docs.output_match import find_mismatch

OUTPUT = """
{
  "order_id": "tour-1",
  "offset": "17",
  "version": "2"
}
"""


@pytest.mark.parametrize(
    "page_lines",
    [
        ["{", '"order_id": "tour-1",', '"offset": "17",', '"version": "2"', "}"],
        ["{", '"order_id": "tour-1",', '"offset": "99999",', '"version": "2"', "}"],
        ["{", '"order_id": "tour-1",', "…"],
        ["…", '"version": "2"', "}"],
        ["{", "…", '"version": "2"', "}", ""],
    ],
    ids=["whole", "with another offset", "its beginning", "its end", "with a gap"],
)
def test_documentation_page_matches_the_output(page_lines: list[str]) -> None:
    assert find_mismatch(page_lines, OUTPUT) is None


@pytest.mark.parametrize(
    "page_lines",
    [
        ["{", '"order_id": "tour-2",', "…"],
        ["{", '"version": "2"', "}"],
        ["{", '"order_id": "tour-1",'],
        ["…", '"version": "2"', '"order_id": "tour-1",', "…"],
        ["…", '"version": "2"'],
        [],
    ],
    ids=["another value", "an unmarked gap", "an unmarked end", "another order", "a missing end", "nothing"],
)
def test_documentation_page_does_not_match_other_output(page_lines: list[str]) -> None:
    assert find_mismatch(page_lines, OUTPUT)
