"""docker-compose.yml as data, and its services as local processes with local addresses."""

import asyncio
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, run
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from tests.e2e.running_server import ROOT, build_environment
from tests.ports import find_free_port

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import NotFound, Unavailable
from ordertrail.tls import read_credentials

FILE = ROOT / "docker-compose.yml"
THREE_BROKERS, TLS = (ROOT / "deploy" / name for name in ("three-brokers.env", "tls.env"))
NGINX = ROOT / "deploy" / "nginx"
PROMETHEUS = ROOT / "deploy" / "prometheus" / "prometheus.yml"
MAKE_CERTIFICATES = ROOT / "deploy" / "make_certificates.sh"
CERTIFICATES = "/certificates"
IMAGE = "ordertrail"
ADDRESSES = ("listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs")
COMMAND = (sys.executable, "-m", "ordertrail_server.cli")


class Composed(NamedTuple):
    """Servers that run here: their addresses, those of their admin listeners, and the authority of their TLS."""

    addresses: Mapping[str, str]
    admin_addresses: Mapping[str, str]
    authorities: Path | None

    def connect(self, name: str) -> OrderTrail:
        """Return a client of a server. Call it within an event loop."""
        credentials = None if self.authorities is None else read_credentials(self.authorities)
        return connect(self.addresses[name], credentials=credentials)

    async def wait_until_ready(self, name: str) -> None:
        """Return when a server answers queries. Raises TimeoutError if it does not for long."""
        async with asyncio.timeout(60), self.connect(name) as orders:
            while True:
                try:
                    await orders.get("absent")
                except NotFound:
                    return
                except Unavailable:  # the balancer has just started, or skips a server for some seconds
                    await asyncio.sleep(0.2)

    def read_page(self, name: str, path: str) -> tuple[int, str]:
        """Return the status and content of a page of the admin listener."""
        with closing(HTTPConnection(self.admin_addresses[name], timeout=10)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()


def services(variables: Mapping[str, str] = {}) -> dict[str, Any]:
    """Return the services, with the file's variables filled in."""
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: variables.get(match[1]) or match[2], FILE.read_text())
    assert "${" not in text, "a variable of docker-compose.yml has no default"
    loaded: dict[str, Any] = YAML(typ="safe").load(text)["services"]
    return loaded


def read_variables(file: Path) -> dict[str, str]:
    """Return the variables of a file for --env-file or env_file."""
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def broker_properties(service: Mapping[str, Any]) -> dict[str, str]:
    """Return the server.properties that the image derives from KAFKA_…, without addresses."""
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in service["environment"].items()
        if name.startswith("KAFKA_")
    }
    return {name: value for name, value in properties.items() if name not in ADDRESSES}


def settings(
    service: Mapping[str, Any], bootstrap: str, data: Path, certificates: Path = Path(CERTIFICATES)
) -> dict[str, str]:
    """Return a server's environment, with local brokers, files and addresses."""
    local = {
        "ORDERTRAIL_BOOTSTRAP": bootstrap,
        "ORDERTRAIL_DATA": str(data),
        "ORDERTRAIL_LISTEN": "127.0.0.1:0",
        "ORDERTRAIL_ADMIN_LISTEN": f"127.0.0.1:{find_free_port()}",
    }
    assert local.keys() <= service["environment"].keys()
    [file] = service["env_file"]
    transport = read_variables(ROOT / file).items()
    files = {name: value.replace(CERTIFICATES, str(certificates)) for name, value in transport}
    return build_environment({**service["environment"], **files, **local})


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
