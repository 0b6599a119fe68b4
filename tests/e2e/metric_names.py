"""The metrics that a server exposes, that docs/metrics.md lists, and that the dashboard and the alerts use."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client import Metric
from ruamel.yaml import YAML
from tests.docs.pages import ROOT
from tests.e2e.promql import Selector, parse_query

PAGE = ROOT / "docs" / "metrics.md"
DASHBOARD = ROOT / "deploy" / "grafana" / "ordertrail.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
OF_PROMETHEUS = {"up"}
"""Metrics that Prometheus adds to those of a server."""

SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds to every sample."""

_OF_KIND = {"histogram": {"le"}, "summary": {"quantile"}}


class MetricDescription(NamedTuple):
    """The type of a metric, and the names of its labels."""

    kind: str
    labels: frozenset[str]


class Query(NamedTuple):
    """A query, where it stands, and the labels that the text beside its result names."""

    place: str
    text: str
    shown_labels: frozenset[str]

    @property
    def selectors(self) -> list[Selector]:
        """The metrics of the query, with the variables of Grafana replaced."""
        return parse_query(self.text.replace("$__rate_interval", "5m"))


def describe_families(families: Mapping[str, Metric]) -> dict[str, MetricDescription]:
    """Return the exposed metrics of our own; those without a value are left out."""
    return {
        name: MetricDescription(
            family.type,
            frozenset(label for sample in family.samples for label in sample.labels) - _OF_KIND.get(family.type, set()),
        )
        for name, family in families.items()
        if family.samples and not name.startswith(("process_", "python_"))
    }


def sample_labels(families: Mapping[str, Metric]) -> dict[str, set[str]]:
    """Return the names of the labels of each sample's name, as a query selects it."""
    labels: dict[str, set[str]] = {}
    for family in families.values():
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def read_page() -> dict[str, MetricDescription]:
    """Return the metrics that the page lists."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)
    return {name: MetricDescription(kind, frozenset(re.findall("`([a-z_]+)`", labels))) for name, kind, labels in rows}


def read_panels() -> list[dict[str, Any]]:
    """Return the panels of the dashboard."""
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return panels


def read_rules() -> list[dict[str, Any]]:
    """Return the rules of all alerts."""
    return [rule for group in YAML(typ="safe").load(ALERTS)["groups"] for rule in group["rules"]]


def list_queries() -> Iterator[Query]:
    """Yield all queries of the dashboard and the alerts."""
    for panel in read_panels():
        for target in panel.get("targets", ()):
            labels = frozenset(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            yield Query(f"panel {panel['title']}", target["expr"], labels)
    for rule in read_rules():
        text = " ".join(rule["annotations"].values())
        yield Query(rule["alert"], rule["expr"], frozenset(re.findall(r"\{\{ \$labels\.(\w+) \}\}", text)))
    for variable in json.loads(DASHBOARD.read_text())["templating"]["list"][1:]:
        query, label = re.findall(r"^label_values\((.+), (\w+)\)$", variable["definition"])[0]
        yield Query(f"variable {variable['name']}", query, frozenset({label}))


def find_unknown_uses(exposed: Mapping[str, set[str]], prefix: str, *, is_left_out: bool = False) -> list[str]:
    """Return the metrics and labels in queries that are not exposed.

    Only metrics whose names begin with `prefix` are checked; with `is_left_out` all others.
    """
    unknown = []
    for query in list_queries():
        selectors = [selector for selector in query.selectors if selector.metric not in OF_PROMETHEUS]
        selectors = [selector for selector in selectors if selector.metric.startswith(prefix) != is_left_out]
        labels_of_query = SCRAPED.union(*(exposed.get(selector.metric, ()) for selector in selectors))
        if selectors and query.shown_labels - labels_of_query:
            unknown.append(f"{query.place}: its text names labels that the metrics lack")
        for metric, labels, _ in selectors:
            if metric not in exposed:
                unknown.append(f"{query.place}: {metric} is not exposed")
            elif labels - exposed[metric] - SCRAPED:
                unknown.append(f"{query.place}: {metric} lacks one of the labels {', '.join(sorted(labels))}")
    return unknown
