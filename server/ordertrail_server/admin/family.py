"""Families of metrics whose values are read when they are scraped."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

Labels = tuple[str, ...]
LabelValues = TypeVar("LabelValues", bound=Labels)


def gauge(name: str, text: str, labels: Labels, values: Mapping[LabelValues, float]) -> GaugeMetricFamily:
    """Return a gauge with a value for each tuple of label values."""
    family = GaugeMetricFamily(f"ordertrail_{name}", text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def counter(name: str, text: str, labels: Labels, values: Mapping[LabelValues, float]) -> CounterMetricFamily:
    """Return a counter with a value for each tuple of label values; its samples end in _total."""
    family = CounterMetricFamily(f"ordertrail_{name}", text, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def by_partition(values: Iterable[tuple[int, float]]) -> dict[Labels, float]:
    """Return the values of partitions as those of the label `partition`."""
    return {(str(partition),): value for partition, value in values}
