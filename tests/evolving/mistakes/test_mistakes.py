"""The guard that docs/changing-events.md names reports each mistake, and how to fix it."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest
from tests.evolving.checkout import Checkout
from tests.evolving.mistakes.edit import Edit, combine_edits, cut_text, replace_text
from tests.evolving.mistakes.guard import Guard, findings, schema_findings
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.table import MISTAKES, run_mistakes
from tests.evolving.mistakes.trees import RECORD, V2, V3, State, copy_tree, generate

OF_PROTOS = (Guard.LINT, Guard.BREAKING, Guard.LOCK, Guard.CHECK)
WITH_CODE = (State.CODE, State.CODE_V3)
OF_CODE = tuple(guard for guard in Guard if guard not in (Guard.LINT, Guard.BREAKING, Guard.LOCK))


def mark_trial(state: State) -> list[pytest.MarkDecorator]:
    """Return the marks of a test on a tree: one with code takes long, because each guard is a process there."""
    return [pytest.mark.trial] if state in WITH_CODE else []


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest) -> Iterator[Mapping[str, "Future[list[str]]"]]:
    """The reports about the mistakes that this run selects."""
    selected = {test.callspec.id for test in request.session.items if hasattr(test, "callspec")}
    with run_mistakes([mistake for mistake in MISTAKES if mistake.title in selected]) as reports:
        yield reports


@pytest.mark.parametrize(
    "mistake", [pytest.param(mistake, id=mistake.title, marks=mark_trial(mistake.state)) for mistake in MISTAKES]
)
def test_mistake_is_reported_by_its_guard(mistake: Mistake, reports: Mapping[str, "Future[list[str]]"]) -> None:
    lines = reports[mistake.title].result()
    assert any(mistake.says in line for line in lines), lines


def test_mistakes_are_many_and_distinct() -> None:
    assert len({mistake.title for mistake in MISTAKES}) == len(MISTAKES) >= 50


def test_every_guard_reports_some_mistake() -> None:
    assert {mistake.guard for mistake in MISTAKES} == set(Guard)


@pytest.mark.parametrize(
    ("state", "guard"),
    [
        *((state, guard) for state in (State.TODAY, State.V3, State.V4) for guard in OF_PROTOS),
        *(pytest.param(State.CODE, guard, marks=mark_trial(State.CODE)) for guard in OF_CODE),
        pytest.param(State.CODE_V3, Guard.CHECK, marks=mark_trial(State.CODE_V3)),
    ],
    ids=lambda value: value.value,
)
def test_unchanged_tree_has_no_mistake(state: State, guard: Guard) -> None:
    with copy_tree(state) as root:
        assert findings(guard, root) == []


@pytest.mark.trial
@pytest.mark.parametrize(
    ("state", "guard", "edit"),
    [
        (
            State.CODE_V3,
            Guard.CHECK,
            combine_edits(
                replace_text(V3, 'literal: "unknown" not_public: true', "absent: false"),
                replace_text(V3, "optional int64 units", "optional int32 units"),
                replace_text(V3, "optional OrderSource source = 4;", ""),
            ),
        ),
        (
            State.CODE,
            Guard.LOCK,
            combine_edits(
                replace_text(V2, "optional int64 units", "optional int32 units"),
                cut_text(RECORD, "    // The order was cancelled.\n", ";\n"),
            ),
        ),
    ],
    ids=["rules", "lock"],
)
def test_gaps_in_protos_equal_those_of_schema_check_and_server_start(state: State, guard: Guard, edit: Edit) -> None:
    with copy_tree(state) as root:
        edit(root)
        generate(root)
        gaps = schema_findings(root)[guard]
        assert len(gaps) > 2
        assert json.loads(Checkout(root).runs("ordertrail", "schema", "check", "--json"))["gaps"] == gaps
        assert findings(Guard.START, root)[1:] == [f"- {gap}" for gap in gaps]
