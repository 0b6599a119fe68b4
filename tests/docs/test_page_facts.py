"""Tables, links and file names in the documents agree with the code."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import click
import pytest
from google.protobuf.descriptor import FieldDescriptor
from tests.contract.test_arrows import ARROWS
from tests.docs.error_table import build_error_table
from tests.docs.pages import LINK, PAGES, ROOT, command_lines, heading_anchors, read_table

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
# Files that the documents name although they do not exist yet.
PLANNED = {"proto/ordertrail/events/v3"}
# Files of a data directory, which are not in the repository.
DATA_FILES = {"commands/index-1.sqlite", "projections/served", "projections/source-digests.txt"}
FOLDERS = ("tests", "docs", "proto", "client", "server", "examples", "cli", *ARROWS)
FILE_NAME = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")
MAKE_TARGET = re.compile(r"(?:`|^    )make ([a-z]+)", re.MULTILINE)
LIMIT_NUMBER = re.compile(r"[\d,]*\d")


def test_error_table_of_the_contract_agrees_with_the_proto() -> None:
    rows = CONTRACT.read_text().partition("<!-- BEGIN ERRORS -->")[2].partition("<!-- END ERRORS -->")[0]
    assert rows.strip().splitlines() == build_error_table(), "run `python -m tests.docs.error_table`"


def max_items(field: FieldDescriptor) -> int:
    return field.GetOptions().Extensions[rules].repeated.max_items


def max_characters(field: FieldDescriptor) -> int:
    return field.GetOptions().Extensions[rules].string.max_len


def test_limits_of_the_contract_agree_with_the_code() -> None:
    place, document = PlaceOrderRequest.DESCRIPTOR.fields_by_name, SourceDocument.DESCRIPTOR.fields_by_name
    commands, documents = (kind.DESCRIPTOR.fields[0] for kind in (ExecuteCommandsRequest, ImportOrdersRequest))
    frame = StreamOrderEventsRequest.DESCRIPTOR.fields_by_name["max_events_per_frame"]
    assert max_items(commands) == max_items(documents)
    assert max_characters(place["order_id"]) == max_characters(document["origin"])
    assert max_items(place["lines"]) == MAX_LINES
    limits = [
        [COMMAND_BYTES],
        [BATCH_BYTES],
        [max_items(commands)],
        [COMMAND_BYTES],
        [document["json"].GetOptions().Extensions[rules].bytes.max_len],
        [MAX_LINES],
        [max_characters(place["order_id"])],
        [max_characters(GetOrderRequest.DESCRIPTOR.fields_by_name["token"])],
        [ROWS, MAX_ROWS],
        [PAGE_BYTES],
        [FRAME_EVENTS, frame.GetOptions().Extensions[rules].int32.lte],
        [FRAME_BYTES],
        [LONGEST],
    ]
    numbers = [LIMIT_NUMBER.findall(limit) for _, limit in read_table(CONTRACT, "what")]
    assert [[int(number.replace(",", "")) for number in row] for row in numbers] == limits


def test_package_table_agrees_with_the_imports_test() -> None:
    rows = read_table(ARCHITECTURE, "package")
    assert {name: set(re.findall(r"\w+", imports)) - {"nothing"} for name, _, imports in rows} == ARROWS


def test_every_setting_is_documented_with_its_default_and_bounds() -> None:
    documented = {name: (default, bounds) for name, default, bounds, _ in read_table(OPERATIONS, "variable")}
    assert documented == {
        f"ORDERTRAIL_{setting.name.upper()}": (_default_text(setting.default), describe_bounds(setting))
        for setting in fields(Settings)
    }


def test_every_command_is_documented_with_its_help_text() -> None:
    assert {row[0]: row[1] for row in read_table(OPERATIONS, "command")} == COMMANDS


def test_pages_contain_links_targets_files_and_commands() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    commands = [line for page in PAGES for line in command_lines(page, "ordertrail")]
    matches = {"links": LINK.findall(text), "targets": MAKE_TARGET.findall(text), "files": FILE_NAME.findall(text)}
    assert all(len(texts) > 10 for texts in matches.values()), matches
    assert len(commands) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_of_a_page_is_valid(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for line in command_lines(page, "ordertrail"):
        _, name, *arguments = shlex.split(line)
        command = ordertrail.get_command(click.Context(ordertrail), name)
        assert command is not None, line
        command.make_context(name, arguments).close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MAKE_TARGET.findall(page.read_text())) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_resolves(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in heading_anchors(path), f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_file_exists_unless_it_is_planned(page: Path) -> None:
    for name in FILE_NAME.findall(page.read_text()):
        exists = (ROOT / name).exists() or (SERVER / name).exists()
        assert exists != (name in PLANNED | DATA_FILES), f"{page.name} names {name}"


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("*.md")), ids=lambda page: page.stem)
def test_decision_has_a_number_and_the_four_sections(page: Path) -> None:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    assert headings[0].startswith(f"{page.name[:4]} ")
    assert headings[1:] == ["Context", "Decision", "Why", "Consequences"]


def test_numbers_of_decisions_have_no_gap() -> None:
    numbers = [int(page.name[:4]) for page in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def _default_text(default: object) -> str:
    if default is None:
        return ""
    return ",".join(default) if isinstance(default, tuple) else str(default)
