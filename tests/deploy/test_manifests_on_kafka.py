"""The command lines and settings of the manifests, as processes on a broker: topics, certificates, probes, calls."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.x509 import DNSName
from tests.certificates import Authority, Pair
from tests.deploy.manifests import Manifest, container_of, environment_of, find, pod_of
from tests.docs.compose import run_service, run_to_end
from tests.e2e.running_server import build_environment
from tests.kafka.cluster import run_cluster
from tests.ports import find_free_port

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import Denied
from ordertrail.tls import read_credentials

MOUNTED_TLS, MOUNTED_POLICY = "/etc/ordertrail/tls", "/etc/ordertrail/policy"


class Pod(NamedTuple):
    """A server that runs here, and the name by which it is reached in a cluster."""

    address: str
    admin_port: int
    host: str

    def probe(self, path: str) -> int:
        """Return the status of a page of the admin listener."""
        with closing(HTTPConnection("127.0.0.1", self.admin_port, timeout=10)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status


class Installation(NamedTuple):
    """The authority of all certificates, that of a client, and one server of each kind."""

    authority: Authority
    client: Pair
    command: Pod
    query: Pod

    def connect(self, pod: Pod) -> OrderTrail:
        credentials = read_credentials(self.authority.file, *self.client)
        options = [("grpc.ssl_target_name_override", pod.host)]
        return connect(pod.address, credentials=credentials, options=options)


@pytest.fixture(scope="module")
def bootstrap(kafka: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker with the topics that the job has created."""
    with run_cluster(tmp_path_factory.mktemp("installed")) as cluster:
        job = find("topics", "Job", "ordertrail-topics")
        variables = environment_of("topics", job, {}) | {"ORDERTRAIL_BOOTSTRAP": cluster.bootstrap}
        arguments = ["1" if argument == "3" else argument for argument in container_of(job)["args"]]
        assert run_to_end(arguments, build_environment(variables)) == 0
        yield cluster.bootstrap


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secret(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secret that cert-manager fills for the certificate of the manifests."""
    folder = tmp_path_factory.mktemp("tls")
    certificate = find("production/servers", "Certificate", "ordertrail")["spec"]
    pair = authority.sign(certificate["commonName"], [DNSName(name) for name in certificate["dnsNames"]])
    for source, name in ((pair.certificate, "tls.crt"), (pair.key, "tls.key"), (authority.file, "ca.crt")):
        (folder / name).write_bytes(source.read_bytes())
    return folder


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the policy, as the servers see it."""
    folder = tmp_path_factory.mktemp("policy")
    server = find("production/servers", "Deployment", "ordertrail-command")
    [volume] = [volume for volume in pod_of(server)["spec"]["volumes"] if volume["name"] == "policy"]
    for name, text in find("production/servers", "ConfigMap", volume["configMap"]["name"])["data"].items():
        (folder / name).write_text(text)
    return folder


def run_pod(stack: ExitStack, workload: Manifest, local: dict[str, str], host: str) -> Pod:
    admin_port = find_free_port()
    variables = environment_of("servers", workload, {})
    for mounted, folder in ((MOUNTED_TLS, local["tls"]), (MOUNTED_POLICY, local["policy"])):
        variables = {name: value.replace(mounted, folder) for name, value in variables.items()}
    variables |= {
        "ORDERTRAIL_BOOTSTRAP": local["bootstrap"],
        "ORDERTRAIL_DATA": f"{local['data']}/{workload['metadata']['name']}",
        "ORDERTRAIL_LISTEN": "127.0.0.1:0",
        "ORDERTRAIL_ADMIN_LISTEN": f"127.0.0.1:{admin_port}",
    }
    address = stack.enter_context(run_service(container_of(workload)["args"], build_environment(variables)))
    return Pod(address, admin_port, host)


@pytest.fixture(scope="module")
def installation(
    bootstrap: str, authority: Authority, secret: Path, policy: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    data = tmp_path_factory.mktemp("volumes")
    local = {"bootstrap": bootstrap, "tls": str(secret), "policy": str(policy), "data": str(data)}
    query = find("servers", "StatefulSet", "ordertrail-query")
    advertised = environment_of("servers", query, {})["ORDERTRAIL_ADVERTISE"].partition(":")[0]
    with ExitStack() as stack:
        yield Installation(
            authority,
            authority.sign("shop"),
            run_pod(
                stack,
                find("servers", "Deployment", "ordertrail-command"),
                local,
                "ordertrail-command.ordertrail.svc",
            ),
            run_pod(stack, query, local, advertised),
        )


async def wait_for_probe(pod: Pod, workload: Manifest, probe: str) -> None:
    path = container_of(workload)[probe]["httpGet"]["path"]
    async with asyncio.timeout(60):
        while await asyncio.to_thread(pod.probe, path) != 200:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
async def test_probes_succeed(installation: Installation, probe: str) -> None:
    await wait_for_probe(installation.command, find("servers", "Deployment", "ordertrail-command"), probe)
    await wait_for_probe(installation.query, find("servers", "StatefulSet", "ordertrail-query"), probe)


async def test_clients_reach_each_server_by_a_name_of_its_certificate(installation: Installation) -> None:
    async with installation.connect(installation.command) as orders, installation.connect(installation.query) as reader:
        receipt = await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
        order = await reader.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
        assert order.order_id == receipt.order_id


async def test_caller_that_the_policy_does_not_name_is_refused(installation: Installation) -> None:
    stranger = installation._replace(client=installation.authority.sign("stranger"))
    async with stranger.connect(installation.command) as orders:
        with pytest.raises(Denied):
            await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
