"""A damaged file of a projection ends an export, and is named."""

from pathlib import Path

import pytest
from tests.export.folded_directory import fold_both
from tests.projections.log_builder import LogBuilder, build_many_orders, create_log

from ordertrail_server.export.export import export
from ordertrail_server.export.export_error import ExportRefused
from ordertrail_server.export.file_format import FileFormat
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.projections.catalog import HISTORY, TIMELINE
from ordertrail_server.projections.generation import live_generation

PAGE_BYTES = 4096


@pytest.mark.parametrize("name", [HISTORY, TIMELINE])
async def test_damaged_rows_are_not_exported(tmp_path: Path, name: str) -> None:
    log = await create_log(LogBuilder())
    await log.append(0, [*build_many_orders(200)])
    await fold_both(log, tmp_path)
    file = live_generation(DataDirectory(tmp_path).projections, name)
    content = bytearray(file.read_bytes())
    last_third = len(content) * 2 // 3 // PAGE_BYTES * PAGE_BYTES
    for page in range(last_third, len(content), PAGE_BYTES):
        content[page + 100] ^= 1
    file.write_bytes(content)
    with pytest.raises(ExportRefused, match=rf"{file} is damaged: .*A running server builds it again"):
        export(tmp_path, tmp_path / "export", FileFormat.CSV, lambda done, total: None)
    assert list((tmp_path / "export").iterdir()) == []
