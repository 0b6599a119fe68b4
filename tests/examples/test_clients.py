"""The commands of docs/clients.md generate, compile and run a client in each language."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.authoring.real_protos import ROOT
from tests.certificates import Authority
from tests.e2e.running_server import RunningServer
from tests.examples.page import PAGE, Example, client_commands

TESTED = ["go", "typescript", "python"]
MANUALLY_TESTED = ["java"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path_factory.mktemp("server") / "data").start()
    yield server
    server.close()


@pytest.mark.trial
@pytest.mark.timeout(1200)  # Go compiles its standard library and gRPC when it runs for the first time.
@pytest.mark.parametrize("language", TESTED)
def test_client_prints_the_output_of_the_page(language: str, server: RunningServer, tmp_path: Path) -> None:
    example = Example(language, tmp_path)
    for command, output in client_commands(language):
        printed = example.run_command(command, server.address)
        assert not output or printed.splitlines() == output, command
    assert output[-1] == "refused, VERSION_MISMATCH"


@pytest.mark.trial
@pytest.mark.timeout(1200)
def test_go_client_calls_a_server_with_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server")
    environment = {"ORDERTRAIL_TLS_CERT": str(certificate), "ORDERTRAIL_TLS_KEY": str(key)}
    example = Example("go", tmp_path / "example")
    with closing(RunningServer(tmp_path / "data", environment).start()) as server:
        for command, output in client_commands("go"):
            printed = example.run_command(f"export ORDERTRAIL_TLS_CA={authority.file}; {command}", server.address)
            assert not output or printed.splitlines() == output, command


def test_documentation_page_has_commands_for_every_example() -> None:
    examples = {path.name for path in (ROOT / "examples" / "clients").iterdir() if path.is_dir()}
    assert examples == {*TESTED, *MANUALLY_TESTED}
    for language in examples:
        commands = [command for command, _ in client_commands(language)]
        assert "buf generate" in commands, f"{PAGE.name} does not generate the client in {language}"
