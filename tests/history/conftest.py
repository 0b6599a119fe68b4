import pytest

from ordertrail_server.history.streaming import scan


@pytest.fixture
def unlimited_scan_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scans run until a frame is full, even on a slow machine."""
    monkeypatch.setattr(scan, "SECONDS", 60.0)
