from prometheus_client import CollectorRegistry

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
