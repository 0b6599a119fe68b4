"""A power cut at any moment leaves a log that holds every acknowledged message, and grows.

A server's writes and syncs are recorded, and the images that a disk could hold after a power cut are built from them
(docs/decisions/0051-power-cuts-are-built-from-recorded-writes.md). ORDERTRAIL_POWER_CUT_SEED repeats the random
choices, but not the moments at which the server writes.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.power_cuts.image_check import PromiseBroken, check_image, check_served_image
from tests.e2e.power_cuts.images import Image, build_images
from tests.e2e.power_cuts.recording import Recording, record_run
from tests.trials import choose_size

SEED = os.environ.get("ORDERTRAIL_POWER_CUT_SEED", str(time.time_ns()))
IMAGES, SERVED_IMAGES = choose_size(20, 450, 20_000), choose_size(1, 3, 100)
RECORDS = choose_size(100, 2_000, 4_000)


@pytest.mark.sampled
@pytest.mark.timeout(300 + IMAGES)
async def test_every_power_cut_leaves_what_was_acknowledged(tmp_path: Path) -> None:
    recording = await record_run(tmp_path, RECORDS)
    begin = time.monotonic()
    await check_images(build_images(recording, IMAGES, SEED), tmp_path / "image", recording)
    print(
        f"\n{IMAGES} power cuts (ORDERTRAIL_POWER_CUT_SEED={SEED}) in {len(recording.operations):,} operations on a "
        f"log of {len(recording.history.records):,} records and {len(recording.history.commands):,} commands: "
        f"{time.monotonic() - begin:.0f} s"
    )


@pytest.mark.trial
async def test_log_with_synchronous_normal_fails_the_same_check(tmp_path: Path) -> None:
    recording = await record_run(tmp_path, 200, synchronous="NORMAL")
    with pytest.raises(PromiseBroken, match="were acknowledged"):
        await check_images(build_images(recording, 100, SEED), tmp_path / "image", recording)


async def check_images(images: Iterator[Image], directory: Path, recording: Recording) -> None:
    """Check each image, and some of them with a server. A note names the moment of one that fails."""
    for number, image in enumerate(images):
        is_served = number % (IMAGES // SERVED_IMAGES) == 0
        for check in (check_image, check_served_image)[: 1 + is_served]:
            image.write(directory)
            try:
                await check(directory, image.promised, recording.history)
            except BaseException as error:
                error.add_note(f"a power cut after operation {image.operation} (ORDERTRAIL_POWER_CUT_SEED={SEED})")
                raise
            shutil.rmtree(directory)
