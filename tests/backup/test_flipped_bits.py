"""A bit that a disk flips anywhere in a backup is found."""

import shutil
from pathlib import Path
from random import Random

import pytest
from tests.backup.sample_directory import back_up, create_data_directory, list_names
from tests.log.embedded.test_flipped_bits import flip
from tests.trials import choose_size

from ordertrail_server.backup.backup_error import BackupDamaged, BackupRefused
from ordertrail_server.backup.restore import restore
from ordertrail_server.backup.verification import verify_backup
from ordertrail_server.storage.checked.empty_database import PAGE_BYTES

HEADER_BITS = range(8 * 100)


def choose_bits(file: Path, count: int) -> list[int]:
    """Return some bits of each page, and some of the whole file."""
    size, random = file.stat().st_size, Random(17)
    of_pages = [8 * begin + random.randrange(8 * PAGE_BYTES) for begin in range(0, size, PAGE_BYTES)]
    return of_pages + [random.randrange(8 * size) for _ in range(count)]


@pytest.mark.sampled
async def test_flipped_bit_anywhere_is_damage(tmp_path: Path) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    for bit in [*HEADER_BITS, *choose_bits(file, choose_size(200, 4_000, 100_000))]:
        flip(file, bit)
        # A flipped bit in the format of the file can also look like that of a newer release.
        with pytest.raises((BackupDamaged, BackupRefused)):
            await verify_backup(file)
        flip(file, bit)
    await verify_backup(file)


@pytest.mark.parametrize("change", [-1, -PAGE_BYTES, 1, PAGE_BYTES])
async def test_backup_of_another_size_is_damaged(tmp_path: Path, change: int) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size + change)
    with pytest.raises(BackupDamaged):
        await verify_backup(file)


async def test_damaged_backup_is_not_restored_and_the_directory_stays(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    file = await back_up(data)
    shutil.copytree(data.path, tmp_path / "expected")
    flip(file, 8 * (file.stat().st_size - 100))
    with pytest.raises(BackupDamaged):
        await restore(file, data.path)
    assert list_names(tmp_path) == {"data", "expected", file.name}
    for name in list_names(data.path):
        assert (data.path / name).read_bytes() == (tmp_path / "expected" / name).read_bytes()
