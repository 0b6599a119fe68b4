"""The manifests for Kubernetes, without a cluster: schemas, rights, settings, and what belongs together."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
from tests.deploy.manifests import (
    FOLDER,
    NAMESPACE,
    WORKLOADS,
    Manifest,
    container_of,
    environment_of,
    find,
    pod_of,
    render,
    select,
)
from tests.docs.pages import ROOT, read_table

from ordertrail_server.access.identity.identity import CERTIFICATE, Identity
from ordertrail_server.access.permission import FORWARD
from ordertrail_server.access.policy_file import read_policy_file
from ordertrail_server.log.kafka.environment import settings_from_environment
from ordertrail_server.setting_values import read_settings
from ordertrail_server.settings import Settings

SERVERS, TOPICS = "production/servers", "production/topics"
FOLDERS = ("servers", "topics", SERVERS, TOPICS)
# Resources of cert-manager and of the Prometheus operator. Kubernetes has no schemas of them.
FOREIGN_KINDS = {"Certificate", "ServiceMonitor"}
SECRETS = {"ORDERTRAIL_KAFKA_SASL_USERNAME": "ordertrail", "ORDERTRAIL_KAFKA_SASL_PASSWORD": "secret"}


def describe(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("folder", FOLDERS)
def test_each_resource_matches_the_schema_of_kubernetes(folder: str, version: str) -> None:
    for manifest in render(folder):
        if manifest["kind"] not in FOREIGN_KINDS:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_schema_check_refuses_an_unknown_field() -> None:
    manifest = find(SERVERS, "Deployment", "ordertrail-command")
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate({**manifest, "spec": {**manifest["spec"], "replica": 1}}, "1.30", strict=True)


@pytest.mark.parametrize("folder", [SERVERS, TOPICS])
def test_all_resources_are_in_one_namespace_and_none_is_a_secret(folder: str) -> None:
    assert {manifest["metadata"]["namespace"] for manifest in render(folder)} == {NAMESPACE}
    assert select(folder, "Secret") == []


def workloads() -> list[Any]:
    return [
        pytest.param(folder, workload, id=workload["metadata"]["name"])
        for folder in (SERVERS, TOPICS)
        for workload in select(folder, *WORKLOADS)
    ]


@pytest.mark.parametrize(("folder", "workload"), workloads())
def test_pods_have_no_rights_that_the_restricted_standard_refuses(folder: str, workload: Manifest) -> None:
    pod, container = pod_of(workload)["spec"], container_of(workload)
    security = pod["securityContext"]
    assert (security["runAsNonRoot"], security["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 1000
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for volume in [*pod["volumes"], *workload["spec"].get("volumeClaimTemplates", [])]:
        assert volume.keys() & {"configMap", "emptyDir", "secret", "spec"}


def test_image_has_the_user_of_the_pods() -> None:
    dockerfile = (FOLDER.parents[1] / "Dockerfile").read_text()
    assert "--uid 1000 " in dockerfile
    assert "\nUSER 1000:1000\n" in dockerfile


@pytest.mark.parametrize(("folder", "workload"), workloads())
def test_each_mounted_volume_exists_and_requests_are_set(folder: str, workload: Manifest) -> None:
    claims = workload["spec"].get("volumeClaimTemplates", [])
    volumes = {volume["name"] for volume in pod_of(workload)["spec"]["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in claims}
    container = container_of(workload)
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]


def read_server_settings(workload: Manifest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment_of(SERVERS, workload, SECRETS).items():
        monkeypatch.setenv(name, value)
    roles = container_of(workload)["args"]
    return read_settings({"role": ",".join(roles[2::2])})


@pytest.mark.parametrize(
    ("kind", "roles"), [("Deployment", ("command",)), ("StatefulSet", ("projector", "query"))], ids=str
)
def test_environment_is_accepted_by_the_server(
    kind: str, roles: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    [workload] = select(SERVERS, kind)
    settings = read_server_settings(workload, monkeypatch)
    assert settings.role == roles
    assert settings.log == "kafka"
    assert settings.certificate_files is not None
    assert settings.certificate_files.client_authorities is not None
    assert settings.policy is not None
    assert not settings.insecure
    assert settings_from_environment(environment_of(SERVERS, workload, SECRETS))["security.protocol"] == "SASL_SSL"
    ports = {port["name"]: port["containerPort"] for port in container_of(workload)["ports"]}
    assert settings.listen == f"0.0.0.0:{ports['grpc']}"
    assert settings.admin_listen == f"0.0.0.0:{ports['admin']}"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_servers_have_time_to_stop(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [workload] = select(SERVERS, kind)
    before_signal_s = container_of(workload)["lifecycle"]["preStop"]["sleep"]["seconds"]
    graces_s = 3 * read_server_settings(workload, monkeypatch).grace_seconds
    assert pod_of(workload)["spec"]["terminationGracePeriodSeconds"] > before_signal_s + graces_s


def matches(selector: Manifest, labels: Manifest) -> bool:
    return selector.items() <= labels.items()


def selected_pods(selector: Manifest) -> list[str]:
    return [
        workload["metadata"]["name"]
        for folder in (SERVERS, TOPICS)
        for workload in select(folder, *WORKLOADS)
        if matches(selector, pod_of(workload)["metadata"].get("labels", {}))
    ]


def test_each_service_selects_the_servers_of_its_name() -> None:
    both = ["ordertrail-command", "ordertrail-query"]
    pods = {
        service["metadata"]["name"]: selected_pods(service["spec"]["selector"])
        for service in select(SERVERS, "Service")
    }
    assert pods == {
        "ordertrail-command": ["ordertrail-command"],
        "ordertrail-query": ["ordertrail-query"],
        "ordertrail-query-peers": ["ordertrail-query"],
        "ordertrail-admin": both,
    }


def test_one_pod_of_each_workload_may_be_evicted_at_a_time() -> None:
    for workload in select(SERVERS, "Deployment", "StatefulSet"):
        budget = find(SERVERS, "PodDisruptionBudget", workload["metadata"]["name"])
        assert selected_pods(budget["spec"]["selector"]["matchLabels"]) == [workload["metadata"]["name"]]
        assert budget["spec"]["maxUnavailable"] < workload["spec"]["replicas"]
        for spread in pod_of(workload)["spec"]["topologySpreadConstraints"]:
            assert workload["metadata"]["name"] in selected_pods(spread["labelSelector"]["matchLabels"])


def test_policies_admit_clients_servers_and_prometheus_alone() -> None:
    peers = {}
    for policy in select(SERVERS, "NetworkPolicy"):
        assert selected_pods(policy["spec"]["podSelector"]["matchLabels"]) == ["ordertrail-command", "ordertrail-query"]
        [rule] = policy["spec"]["ingress"]
        peers[rule["ports"][0]["port"]] = rule["from"]
    servers, clients = peers["grpc"]
    assert selected_pods(servers["podSelector"]["matchLabels"]) == ["ordertrail-command", "ordertrail-query"]
    assert clients == {"namespaceSelector": {}, "podSelector": {"matchLabels": {"ordertrail-client": "true"}}}
    assert peers["admin"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


def test_monitor_selects_the_admin_service_and_its_port() -> None:
    [monitor] = select(SERVERS, "ServiceMonitor")
    selector = monitor["spec"]["selector"]["matchLabels"]
    services = [
        service for service in select(SERVERS, "Service") if matches(selector, service["metadata"].get("labels", {}))
    ]
    assert [describe(service) for service in services] == ["Service ordertrail-admin"]
    assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == [services[0]["spec"]["ports"][0]["name"]]


@pytest.mark.parametrize("folder", ["settings", "production/settings"])
def test_policy_is_accepted_and_lets_servers_forward(folder: str) -> None:
    policy = read_policy_file(FOLDER / folder / "policy.toml").policy
    [certificate] = select(SERVERS, "Certificate")
    server = Identity(certificate["spec"]["commonName"], CERTIFICATE)
    assert FORWARD in policy.rights_of(server).scopes


def test_job_and_servers_have_the_same_settings() -> None:
    assert select(SERVERS, "ConfigMap") == select(TOPICS, "ConfigMap") != []
    images = {container_of(workload)["image"] for _, workload in (case.values for case in workloads())}
    assert images == {"registry.example/ordertrail:0.1.0"}


def referenced_secrets() -> Iterator[str]:
    for _, workload in (case.values for case in workloads()):
        for volume in pod_of(workload)["spec"]["volumes"]:
            if "secret" in volume:
                yield volume["secret"]["secretName"]
        for source in container_of(workload)["envFrom"]:
            if "secretRef" in source:
                yield source["secretRef"]["name"]


def test_documentation_page_lists_the_referenced_secrets() -> None:
    table = read_table(ROOT / "docs" / "deployment.md", "secret")
    assert {row[0] for row in table} == set(referenced_secrets())
    [certificate] = select(SERVERS, "Certificate")
    assert certificate["spec"]["secretName"] in referenced_secrets()
