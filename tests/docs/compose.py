"""docker-compose.yml as data, and its services as processes of this machine, with the addresses that they have here."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, run
from typing import Any

from ruamel.yaml import YAML
from tests.e2e.running_server import ROOT, environment

FILE = ROOT / "docker-compose.yml"
THREE_BROKERS = ROOT / "deploy" / "three-brokers.env"
NGINX = ROOT / "deploy" / "nginx.conf"
IMAGE = "ordertrail"
ADDRESSES = ("listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs")
COMMAND = (sys.executable, "-m", "ordertrail_server.cli")


def services(variables: Mapping[str, str] = {}) -> dict[str, Any]:
    """Return the services, with the file's variables put in."""
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: variables.get(found[1]) or found[2], FILE.read_text())
    assert "${" not in text, "a variable of docker-compose.yml has no default"
    loaded: dict[str, Any] = YAML(typ="safe").load(text)["services"]
    return loaded


def three_brokers() -> dict[str, str]:
    """Return the variables of the profile with three brokers."""
    lines = [line for line in THREE_BROKERS.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def broker_properties(service: Mapping[str, Any]) -> dict[str, str]:
    """Return what the image makes of KAFKA_… for server.properties, but for addresses."""
    found = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in service["environment"].items()
        if name.startswith("KAFKA_")
    }
    return {name: value for name, value in found.items() if name not in ADDRESSES}


def settings(service: Mapping[str, Any], bootstrap: str, data: Path) -> dict[str, str]:
    """Return a server's environment, with the brokers, the data directory and an address of this machine."""
    here = {
        "ORDERTRAIL_BOOTSTRAP": bootstrap,
        "ORDERTRAIL_DATA": str(data),
        "ORDERTRAIL_LISTEN": "127.0.0.1:0",
    }
    assert here.keys() <= service["environment"].keys()
    return environment({**service["environment"], **here})


def ended(service: Mapping[str, Any], told: Mapping[str, str]) -> int:
    """Run the command line of a service that ends, and return its exit code."""
    return run([*COMMAND, *service["command"]], env=dict(told), stdin=DEVNULL, timeout=30, check=False).returncode


@contextmanager
def serving(service: Mapping[str, Any], told: Mapping[str, str]) -> Iterator[str]:
    """Run the command line of a server, and give its address once it listens."""
    with Popen([*COMMAND, *service["command"]], env=dict(told), stdin=DEVNULL, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("listening on "), "the server did not start"
            yield said.removeprefix("listening on ").strip()
        finally:
            process.terminate()
