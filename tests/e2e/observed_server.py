"""A server with an admin listener, and its metrics."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple, Self

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.running_server import RunningServer
from tests.ports import find_free_port


class ObservedServer(NamedTuple):
    """A server with an admin listener."""

    server: RunningServer
    admin_port: int

    @classmethod
    def start(cls, data: Path, environment: Mapping[str, str] = {}) -> Self:
        """Start a server on a data directory."""
        port = find_free_port()
        settings = {**environment, "ORDERTRAIL_ADMIN_LISTEN": f"127.0.0.1:{port}"}
        return cls(RunningServer(data, settings).start(), port)

    def page(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Return the status and content of a page."""
        with closing(HTTPConnection("127.0.0.1", self.admin_port, timeout=20)) as connection:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Return {(name, labels): value}."""
        samples = [sample for family in self.families().values() for sample in family.samples]
        return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}

    def value(self, name: str, **labels: str) -> float:
        """Return the value of one metric, 0 if it has none yet."""
        return self.metrics().get((name, frozenset(labels.items())), 0.0)

    def families(self) -> dict[str, Metric]:
        """Return the families of metrics by their names in queries: those of counters end in _total."""
        status, text = self.page("/metrics")
        assert status == 200
        families = text_string_to_metric_families(text)
        return {family.name + "_total" * (family.type == "counter"): family for family in families}

    async def wait_for(self, expected: float, name: str, **labels: str) -> None:
        async with asyncio.timeout(30):
            while await asyncio.to_thread(self.value, name, **labels) != expected:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.1)
