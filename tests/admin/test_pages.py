from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from ordertrail_server.admin.pages import STALLED_SECONDS, Pages


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_server_lives_while_its_event_loop_runs() -> None:
    clock = Clock()
    pages = Pages(CollectorRegistry(), lambda: True, clock)
    clock.now += STALLED_SECONDS
    page = pages.page_of("/livez")
    assert page is not None
    assert (page.status, page.content) == (503, b"the event loop does not run\n")
    pages.note_alive()
    page = pages.page_of("/livez")
    assert page is not None
    assert page.status == 200


def test_server_that_starts_or_stops_is_not_ready() -> None:
    page = Pages(CollectorRegistry(), lambda: False).page_of("/readyz")
    assert page is not None
    assert (page.status, page.content) == (503, b"the server starts or stops\n")


class SlowCollector(Collector):
    """Counts how many scrapes run at once."""

    def __init__(self) -> None:
        self.running = self.most = self.scrapes = 0
        self._never = Event()

    def collect(self) -> Iterator[Metric]:
        self.running, self.scrapes = self.running + 1, self.scrapes + 1
        self.most = max(self.most, self.running)
        self._never.wait(0.2)  # a second scrape could begin meanwhile
        self.running -= 1
        yield Metric("orders", "Orders.", "gauge")


def test_scrapes_at_once_are_answered_one_after_another() -> None:
    registry, collector = CollectorRegistry(auto_describe=False), SlowCollector()
    registry.register(collector)
    pages = Pages(registry, lambda: True)
    collector.scrapes = collector.most = 0
    with ThreadPoolExecutor(4) as threads:
        scrapes = [threads.submit(pages.page_of, "/metrics") for _ in range(4)]
    assert all(scrape.result() is not None for scrape in scrapes)
    assert (collector.most, collector.scrapes) == (1, 4)
