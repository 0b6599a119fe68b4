"""The server and its projector load a library only if they need it to answer, so that they start faster."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.running_server import build_environment

from ordertrail_server.log.embedded.log import EmbeddedLog

LOADED = "import sys, {}; print(*sorted(sys.modules))"
# Opens the projections of a data directory, and creates them if they do not exist.
OPENED = """
import asyncio, sys
from pathlib import Path
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.projections.catalog import OWN_NAMES
from ordertrail_server.projections.opened_engine import open_engine

async def main(path):
    log = EmbeddedLog.open(path)
    engine = await open_engine(log, DataDirectory(path).projections, OWN_NAMES)
    await engine.catch_up()
    engine.close()
    await log.close()

asyncio.run(main(Path(sys.argv[1])))
print(*sorted(sys.modules))
"""


def list_loaded_modules(program: str, *arguments: str, **variables: str) -> list[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(
        command, env=build_environment(variables), capture_output=True, text=True, check=True
    ).stdout.split()


def test_server_process_does_not_load_sqlite_utils() -> None:
    loaded = list_loaded_modules(LOADED.format("ordertrail_server.serving"))
    assert "ordertrail_server.projections.host" in loaded
    assert "sqlite_utils" not in loaded


def test_server_process_loads_the_http_client_of_webhooks_only_with_the_first_one() -> None:
    loaded = list_loaded_modules(LOADED.format("ordertrail_server.serving"))
    assert "ordertrail_server.webhooks.webhooks" in loaded
    assert {"aiohttp", "standardwebhooks", "yarl"}.isdisjoint(loaded)


def test_server_process_loads_the_library_of_log_lines_only_with_the_first_line() -> None:
    loaded = list_loaded_modules(LOADED.format("ordertrail_server.serving, ordertrail_server.cli.serve"))
    assert "ordertrail_server.logs.line_writer" in loaded
    assert {"structlog", "rich"}.isdisjoint(loaded)


def test_projector_does_not_load_what_only_other_processes_need() -> None:
    loaded = list_loaded_modules(LOADED.format("ordertrail_server.projections.process"))
    assert "ordertrail_server.projections.engine" in loaded
    assert {"click", "grpc", "importlib.metadata", "protovalidate", "sqlite_utils"}.isdisjoint(loaded)


async def test_projector_loads_sqlite_utils_only_to_create_files(tmp_path: Path) -> None:
    await EmbeddedLog.create(tmp_path).close()
    first, second = (list_loaded_modules(OPENED, str(tmp_path)) for _ in range(2))
    assert "sqlite_utils" in first
    assert "sqlite_utils" not in second


@pytest.mark.parametrize("module", ["ordertrail_server.serving", "ordertrail_server.projections.process"])
def test_opentelemetry_is_loaded_only_if_its_variables_configure_an_exporter(module: str) -> None:
    program = LOADED.format(module).replace("; print", "; start_tracing(); print")
    program = f"from ordertrail_server.telemetry.process_tracing import start_tracing\n{program}"
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    off, disabled, on = (
        "opentelemetry" in list_loaded_modules(program, **variables)
        for variables in ({}, endpoint | {"OTEL_TRACES_EXPORTER": "none"}, endpoint)
    )
    assert (off, disabled, on) == (False, False, True)
