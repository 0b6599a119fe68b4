"""The manifests of deploy/kubernetes, rendered by kustomize, which kubectl contains."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from tests.e2e.running_server import ROOT

KUBECTL = Path(sys.executable).parent / "kubectl"
FOLDER = ROOT / "deploy" / "kubernetes"
NAMESPACE = "ordertrail"
WORKLOADS = ("Deployment", "StatefulSet", "Job")

Manifest = dict[str, Any]


@cache
def render(folder: str) -> list[Manifest]:
    """Return the resources of a folder of deploy/kubernetes."""
    command = [str(KUBECTL), "kustomize", str(FOLDER / folder)]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    assert output.stderr == ""  # warnings, as of deprecated fields
    return list(YAML(typ="safe").load_all(output.stdout))


def select(folder: str, *kinds: str) -> list[Manifest]:
    """Return the resources of some kinds."""
    return [manifest for manifest in render(folder) if manifest["kind"] in kinds]


def find(folder: str, kind: str, name: str) -> Manifest:
    """Return the one resource of a kind and name."""
    [manifest] = [manifest for manifest in select(folder, kind) if manifest["metadata"]["name"] == name]
    return manifest


def pod_of(workload: Manifest) -> Manifest:
    """Return the template of a workload's pods: metadata and spec."""
    template: Manifest = workload["spec"]["template"]
    return template


def container_of(workload: Manifest) -> Manifest:
    """Return the one container of a workload's pods."""
    [container] = pod_of(workload)["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def environment_of(folder: str, workload: Manifest, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return a container's environment, as the kubelet of the first pod makes it."""
    fields = {"metadata.name": f"{workload['metadata']['name']}-0", "metadata.namespace": NAMESPACE}
    container = container_of(workload)
    variables = dict(_shared_variables(folder, container, secrets))
    for entry in container.get("env", []):
        value = entry["value"] if "value" in entry else fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        for name, replacement in variables.items():
            value = value.replace(f"$({name})", replacement)
        variables[entry["name"]] = value
    return variables


def _shared_variables(folder: str, container: Manifest, secrets: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for source in container["envFrom"]:
        if "configMapRef" in source:
            yield from find(folder, "ConfigMap", source["configMapRef"]["name"])["data"].items()
        else:
            assert source == {"secretRef": {"name": "ordertrail-kafka"}}
            yield from secrets.items()
