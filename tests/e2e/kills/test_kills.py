"""Random processes are killed under load beside an embedded log: commands are submitted, consumed and posted."""

from pathlib import Path

import pytest
from tests.e2e.kills.rounds import SECONDS, WEBHOOK_SETTINGS, run_rounds
from tests.e2e.reference_fold import fold_directory
from tests.e2e.running_server import RunningServer


@pytest.mark.sampled
@pytest.mark.timeout(400 + SECONDS)
async def test_promises_hold_after_every_kill(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {f"ORDERTRAIL_{name}": text for name, text in WEBHOOK_SETTINGS.items()})
    try:
        run = await run_rounds([server.start()], tmp_path)
        assert server.stop() == 0
    finally:
        server.close()
    assert server.faults == []
    run.assert_promises(await fold_directory(server.data))
