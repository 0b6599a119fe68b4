"""A mistake in what is stored is found by the guard that docs/changing-events.md names, and that says what to do."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest
from tests.evolving.checkout import Checkout
from tests.evolving.mistakes.edit import Edit, all_of, cut, replaced
from tests.evolving.mistakes.guard import Guard, findings, schema_findings
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.table import MISTAKES, made
from tests.evolving.mistakes.trees import RECORD, V2, V3, State, generate, tree_in

OF_PROTOS = (Guard.LINT, Guard.BREAKING, Guard.LOCK, Guard.CHECK)
OF_CODE = tuple(guard for guard in Guard if guard not in (Guard.LINT, Guard.BREAKING, Guard.LOCK))


@pytest.fixture(scope="module")
def said(request: pytest.FixtureRequest) -> Iterator[Mapping[str, "Future[list[str]]"]]:
    """What is said of each mistake that is asked for in this run."""
    asked = {test.callspec.id for test in request.session.items if hasattr(test, "callspec")}
    with made([mistake for mistake in MISTAKES if mistake.what in asked]) as said:
        yield said


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_mistake_is_found(mistake: Mistake, said: Mapping[str, "Future[list[str]]"]) -> None:
    lines = said[mistake.what].result()
    assert any(mistake.says in line for line in lines), lines


def test_there_are_fifty_mistakes_and_each_is_another_one() -> None:
    assert len({mistake.what for mistake in MISTAKES}) == len(MISTAKES) >= 50


def test_every_guard_finds_some() -> None:
    assert {mistake.guard for mistake in MISTAKES} == set(Guard)


@pytest.mark.parametrize(
    ("state", "guard"),
    [
        *((state, guard) for state in (State.TODAY, State.V3, State.V4) for guard in OF_PROTOS),
        *((State.CODE, guard) for guard in OF_CODE),
        (State.CODE_V3, Guard.CHECK),
    ],
    ids=lambda value: value.value,
)
def test_where_no_mistake_is_made_none_is_found(state: State, guard: Guard) -> None:
    with tree_in(state) as root:
        assert findings(guard, root) == []


@pytest.mark.parametrize(
    ("state", "guard", "edit"),
    [
        (
            State.CODE_V3,
            Guard.CHECK,
            all_of(
                replaced(V3, 'literal: "unknown" not_public: true', "absent: false"),
                replaced(V3, "optional int64 units", "optional int32 units"),
                replaced(V3, "optional OrderSource source = 4;", ""),
            ),
        ),
        (
            State.CODE,
            Guard.LOCK,
            all_of(
                replaced(V2, "optional int64 units", "optional int32 units"),
                cut(RECORD, "    // The order was cancelled.\n", ";\n"),
            ),
        ),
    ],
    ids=["rules", "lock"],
)
def test_what_is_found_in_protos_is_what_schema_check_and_the_start_of_a_server_say_of_their_code(
    state: State, guard: Guard, edit: Edit
) -> None:
    with tree_in(state) as root:
        edit(root)
        generate(root)
        gaps = schema_findings(root)[guard]
        assert len(gaps) > 2
        assert json.loads(Checkout(root).runs("ordertrail", "schema", "check", "--json"))["gaps"] == gaps
        assert findings(Guard.START, root)[1:] == [f"- {gap}" for gap in gaps]
