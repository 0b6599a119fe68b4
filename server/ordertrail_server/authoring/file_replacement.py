"""Replace several files, all or none."""

from collections.abc import Mapping
from pathlib import Path
from shutil import copymode


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """Give each file its new content, in this order, or change none and raise OSError.

    If the machine crashes in between, only the first files may have their new content.
    """
    before = {path: path.read_bytes() if path.exists() else None for path in contents}
    created_folders = [folder for path in contents for folder in _missing_folders(path)]
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _temporary_path(path).write_bytes(content)
            if path.exists():
                copymode(path, _temporary_path(path))
        for path in contents:
            _temporary_path(path).replace(path)
    except OSError:
        _undo(before, created_folders)
        raise


def _undo(before: Mapping[Path, bytes | None], created_folders: list[Path]) -> None:
    for path, content in before.items():
        if _temporary_path(path).is_file():
            _temporary_path(path).unlink()
        if content is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != content:
            path.write_bytes(content)
    for folder in created_folders:
        if folder.exists():
            folder.rmdir()


def _missing_folders(path: Path) -> list[Path]:
    return [folder for folder in path.parents if not folder.exists()]


def _temporary_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")
