"""Tables, links and names in the documents are what the code says."""

import re
import shlex
from pathlib import Path

import click
import pytest
from google.protobuf.descriptor import FieldDescriptor
from tests.contract.test_arrows import ARROWS
from tests.docs.error_table import error_table
from tests.docs.pages import LINK, PAGES, ROOT, anchors, table, typed

from buf.validate.validate_pb2 import field as rules
from ordertrail.v1.commands_pb2 import ExecuteCommandsRequest, PlaceOrderRequest
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, StreamOrderEventsRequest
from ordertrail.v1.order_import_service_pb2 import ImportOrdersRequest, SourceDocument
from ordertrail_server.cli.main import COMMANDS, ordertrail
from ordertrail_server.edge.caller import LONGEST
from ordertrail_server.edge.validation import BATCH_BYTES, COMMAND_BYTES
from ordertrail_server.history.pages import MAX_ROWS, PAGE_BYTES, ROWS
from ordertrail_server.history.streaming.stream import FRAME_BYTES, FRAME_EVENTS
from ordertrail_server.orders.order_refusal import MAX_LINES
from ordertrail_server.setting_text import describe_bounds
from ordertrail_server.settings import Settings

DOCS, SERVER = ROOT / "docs", ROOT / "server" / "ordertrail_server"
CONTRACT, OPERATIONS, ARCHITECTURE = DOCS / "contract.md", DOCS / "operations.md", DOCS / "architecture.md"
# Named by the documents as the place of what is not built yet.
PLANNED = {"proto/ordertrail/events/v3"}
FOLDERS = ("tests", "docs", "proto", "client", "server", "examples", "cli", *ARROWS)
PLACE = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")
MAKE = re.compile(r"(?:`|^    )make ([a-z]+)", re.MULTILINE)
SAID_OF_LIMITS = re.compile(r"[\d,]*\d")


def test_every_reason_of_an_error_stands_in_the_contract_as_the_proto_has_it() -> None:
    written = CONTRACT.read_text().partition("<!-- BEGIN ERRORS -->")[2].partition("<!-- END ERRORS -->")[0]
    assert written.strip().splitlines() == error_table(), "run `python -m tests.docs.error_table`"


def most_items(field: FieldDescriptor) -> int:
    return field.GetOptions().Extensions[rules].repeated.max_items


def most_characters(field: FieldDescriptor) -> int:
    return field.GetOptions().Extensions[rules].string.max_len


def test_every_limit_of_the_contract_is_the_one_in_force() -> None:
    place, document = PlaceOrderRequest.DESCRIPTOR.fields_by_name, SourceDocument.DESCRIPTOR.fields_by_name
    commands, documents = (kind.DESCRIPTOR.fields[0] for kind in (ExecuteCommandsRequest, ImportOrdersRequest))
    frame = StreamOrderEventsRequest.DESCRIPTOR.fields_by_name["max_events_per_frame"]
    assert most_items(commands) == most_items(documents)
    assert most_characters(place["order_id"]) == most_characters(document["origin"])
    assert most_items(place["lines"]) == MAX_LINES
    in_force = [
        [COMMAND_BYTES],
        [BATCH_BYTES],
        [most_items(commands)],
        [COMMAND_BYTES],
        [document["json"].GetOptions().Extensions[rules].bytes.max_len],
        [MAX_LINES],
        [most_characters(place["order_id"])],
        [most_characters(GetOrderRequest.DESCRIPTOR.fields_by_name["token"])],
        [ROWS, MAX_ROWS],
        [PAGE_BYTES],
        [FRAME_EVENTS, frame.GetOptions().Extensions[rules].int32.lte],
        [FRAME_BYTES],
        [LONGEST],
    ]
    said = [[int(n.replace(",", "")) for n in SAID_OF_LIMITS.findall(limit)] for _, limit in table(CONTRACT, "what")]
    assert said == in_force


def test_the_packages_and_their_arrows_are_those_of_the_arrows_test() -> None:
    said = {name: set(re.findall(r"\w+", allowed)) - {"nothing"} for name, _, allowed in table(ARCHITECTURE, "package")}
    assert said == ARROWS


def test_every_setting_is_documented_with_its_default_and_bounds() -> None:
    said = {name: (default, allowed) for name, default, allowed, _ in table(OPERATIONS, "variable")}
    fields = Settings.model_fields.items()
    assert said == {
        f"ORDERTRAIL_{name.upper()}": (_shown(field.default), describe_bounds(field)) for name, field in fields
    }


def test_every_command_is_documented_with_its_line_of_the_help() -> None:
    assert {row[0]: row[1] for row in table(OPERATIONS, "command")} == COMMANDS


def test_pages_have_what_is_looked_for_in_them() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    commands = [line for page in PAGES for line in typed(page, "ordertrail")]
    found = {"links": LINK.findall(text), "targets": MAKE.findall(text), "files": PLACE.findall(text)}
    assert {what: len(some) > 10 for what, some in found.items()} == dict.fromkeys(found, True)
    assert len(commands) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_is_right_usage(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for line in typed(page, "ordertrail"):
        _, name, *arguments = shlex.split(line)
        command = ordertrail.get_command(click.Context(ordertrail), name)
        assert command is not None, line
        command.make_context(name, arguments).close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MAKE.findall(page.read_text())) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(path), f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists_and_no_planned_one_does(page: Path) -> None:
    for name in PLACE.findall(page.read_text()):
        there = (ROOT / name).exists() or (SERVER / name).exists()
        assert there != (name in PLANNED), f"{page.name} names {name}"


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_says_why_and_what_follows_and_is_numbered(page: Path) -> None:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    assert headings[0].startswith(f"{page.name[:4]} ")
    assert headings[1:] == ["Context", "Decision", "Why", "Consequences"]


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(page.name[:4]) for page in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def _shown(default: object) -> str:
    return ",".join(default) if isinstance(default, tuple) else str(default)
