"""Stored bytes are read in one place. Other modules parse other bytes, which OTHER_BYTES names."""

import ast
from collections.abc import Iterator
from pathlib import Path

SERVER = Path(__file__).resolve().parents[2] / "server" / "ordertrail_server"
SCHEMA = SERVER / "schema"
PARSES = {"FromString", "ParseFromString", "MergeFromString"}

# What is parsed outside of schema, file by file, and why that is no stored record nor a stored event.
OTHER_BYTES = {
    "authoring/copy_check.py": {"type(proto)": "a copy of a descriptor"},
    "authoring/freshness.py": {
        "FileDescriptorSet": "what buf makes of the protos",
        "FileDescriptorProto": "the descriptor in a generated module, and a copy of one",
    },
    "authoring/reserved_names.py": {"FileDescriptorSet": "what buf makes of the protos"},
    "authoring/tree.py": {
        "FileDescriptorSet": "what buf makes of the protos",
        "GetMessageClass(file_set)": "the same, with the options that it knows",
    },
    "commands/recorded_refusal.py": {"StoredRefusal": "a status that schema has cut out of a record"},
    "definitions/generated_module.py": {"file": "the descriptor in a generated module"},
    "edge/call_traces.py": {"Status": "the status of a refusal that the edge has just serialized"},
    "edge/request_ids.py": {"GetMessageClass(kind)": "a client's request, or a command of one"},
    "edge/submission_messages.py": {"receipt": "a receipt that the edge has just serialized"},
    "edge/validation.py": {"kind": "a client's request"},
    "export/event_row.py": {"HistoryEvent": "a public event in the projection history"},
    "history/explain.py": {
        "ListOrderEventsResponse": "public events, as they are sent",
        "HistoryEvent": "a public event that schema has just made ready to be sent",
    },
    "history/past_state.py": {
        "ListOrderEventsResponse": "public events, as they are sent",
        "Order": "the public order in the projection orders",
    },
    "history/pages.py": {"type(request)": "a copy of a client's request"},
    "log/embedded/record_key.py": {"Empty": "a record's fields, of which a log knows the order id alone"},
    "log/token.py": {"contents": "a consistency token"},
    "projections/audit/stored_message.py": {
        "Order": "the public order in the projection orders",
        "ListOrderEventsResponse": "public events, as they are sent",
    },
    "projections/orders/order_reader.py": {"Order": "the public order in the projection orders"},
    "subscriptions/loader.py": {"HistoryEvent": "a public event in the projection history"},
    "projections/orders/stored_orders.py": {"Order": "the public order in the projection orders"},
    "webhooks/worker.py": {"ConsumeResponse": "public events, as they are sent to a consumer"},
}
# Who knows the stored contract outside of schema: tools that hand on the descriptor of the record and see no record,
# and the reader of refusals, which have one stored shape and no public one.
KNOW_RECORD = {"cli/schema/check.py", "cli/schema/lock.py", "commands/recorded_refusal.py"}


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SERVER.rglob("*.py")):
        if SCHEMA not in path.parents:
            yield str(path.relative_to(SERVER)), ast.parse(path.read_text())


def _parsed(module: ast.Module) -> set[str]:
    """Return what the methods that parse bytes are called on."""
    nodes = [node for node in ast.walk(module) if isinstance(node, ast.Attribute) and node.attr in PARSES]
    return {ast.unparse(node.value) for node in nodes}


def _imports(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_only_schema_parses_stored_bytes() -> None:
    parsed_by_module = {name: parsed for name, module in _modules() if (parsed := _parsed(module))}
    assert parsed_by_module == {name: set(parsed) for name, parsed in OTHER_BYTES.items()}


def test_only_schema_and_its_commands_import_the_stored_contract() -> None:
    stored = ("ordertrail.log.", "ordertrail.events.")
    assert {
        name
        for name, module in _modules()
        if any(name_imported.startswith(stored) for name_imported in _imports(module))
    } == KNOW_RECORD
