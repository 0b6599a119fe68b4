import pytest

from ordertrail_server.authoring.case_number import next_number


@pytest.mark.parametrize(
    ("events", "unavailable", "begins_version", "number"),
    [
        ({20, 29}, [], True, 30),
        ({20, 29}, [], False, 30),
        ({20, 31}, [], False, 32),
        ({20, 30}, [], True, 40),
        ({10, 11}, [], False, 20),
        ({93}, [], True, 200),
        ({99}, [], False, 200),
        ({205}, [], True, 210),
        ({20, 31}, [range(35, 40), range(32, 35)], False, 40),
        ({20, 29}, [range(30, 31)], True, 31),
    ],
)
def test_next_number_is_free_above_all_events_and_outside_of_the_envelope(
    events: set[int], unavailable: list[range], begins_version: bool, number: int
) -> None:
    assert next_number(events, unavailable, begins_version=begins_version) == number
