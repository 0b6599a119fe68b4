"""docker-compose.yml as data, and its services as local processes with local addresses."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, run
from typing import Any

from ruamel.yaml import YAML
from tests.e2e.running_server import ROOT, build_environment

FILE = ROOT / "docker-compose.yml"
THREE_BROKERS = ROOT / "deploy" / "three-brokers.env"
NGINX = ROOT / "deploy" / "nginx.conf"
IMAGE = "ordertrail"
ADDRESSES = ("listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs")
COMMAND = (sys.executable, "-m", "ordertrail_server.cli")


def services(variables: Mapping[str, str] = {}) -> dict[str, Any]:
    """Return the services, with the file's variables filled in."""
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: variables.get(match[1]) or match[2], FILE.read_text())
    assert "${" not in text, "a variable of docker-compose.yml has no default"
    loaded: dict[str, Any] = YAML(typ="safe").load(text)["services"]
    return loaded


def three_brokers() -> dict[str, str]:
    """Return the variables of the profile with three brokers."""
    lines = [line for line in THREE_BROKERS.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def broker_properties(service: Mapping[str, Any]) -> dict[str, str]:
    """Return the server.properties that the image derives from KAFKA_…, without addresses."""
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in service["environment"].items()
        if name.startswith("KAFKA_")
    }
    return {name: value for name, value in properties.items() if name not in ADDRESSES}


def settings(service: Mapping[str, Any], bootstrap: str, data: Path) -> dict[str, str]:
    """Return a server's environment, with local brokers, data directory and address."""
    local = {
        "ORDERTRAIL_BOOTSTRAP": bootstrap,
        "ORDERTRAIL_DATA": str(data),
        "ORDERTRAIL_LISTEN": "127.0.0.1:0",
    }
    assert local.keys() <= service["environment"].keys()
    return build_environment({**service["environment"], **local})


def run_to_end(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command line that ends, and return its exit code."""
    return run([*COMMAND, *arguments], env=dict(variables), stdin=DEVNULL, timeout=30, check=False).returncode


@contextmanager
def run_service(arguments: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """Run the command line of a server, and yield its address when it listens."""
    with Popen([*COMMAND, *arguments], env=dict(variables), stdin=DEVNULL, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on "), "the server did not start"
            yield line.removeprefix("listening on ").strip()
        finally:
            process.terminate()
