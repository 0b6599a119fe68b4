import pytest

from ordertrail_server.history.streaming import scan


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads that look on until a frame is full, however slow the machine is."""
    monkeypatch.setattr(scan, "SECONDS", 60.0)
