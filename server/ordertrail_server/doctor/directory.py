"""Checks the files of a data directory, and who may read and write them. Reads no contents."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IRWXO, S_IWGRP

from ordertrail_server.doctor.finding import Finding, error, ok, warning
from ordertrail_server.log.data_directory import DataDirectory, refuse_foreign_files
from ordertrail_server.storage.lock import DataDirectoryRefused, is_locked

FILES, PERMISSIONS, SERVER = "files", "permissions", "server"
RUN_AS_OWNER = "Run doctor as the user that serves the directory."
NAME_DIRECTORY = "Name the directory of the server with --data."
SHOWN = 3
"""How many files a finding names."""


def check_files(data: DataDirectory, *, is_embedded: bool) -> Finding:
    """Check that the directory holds the files of one log, or none at all."""
    try:
        return _check_names(data, is_embedded=is_embedded)
    except OSError as refusal:
        fix = RUN_AS_OWNER if isinstance(refusal, PermissionError) else NAME_DIRECTORY
        return error(FILES, f"{refusal.filename} cannot be examined: {refusal.strerror}.", fix)


def _check_names(data: DataDirectory, *, is_embedded: bool) -> Finding:
    if not data.path.is_dir():
        text = f"{data.path} is no directory, so no server has run here yet."
        return error(FILES, text, f"{NAME_DIRECTORY} Or start a server, which creates it.")
    if is_embedded != data.log.exists():
        return _check_log_file(data, is_embedded=is_embedded)
    return ok(FILES, f"{data.path} holds {len(data.derived_stores())} projections{' and their log' * is_embedded}.")


def _check_log_file(data: DataDirectory, *, is_embedded: bool) -> Finding:
    if not is_embedded:
        text = f"{data.path} holds an embedded log, but the server uses a Kafka topic."
        return error(FILES, text, "Use another directory, or copy the log to the topic: ordertrail log copy.")
    try:
        refuse_foreign_files(data)
    except DataDirectoryRefused as refusal:
        return error(FILES, str(refusal), f"Restore {data.log.name} from a backup, or name another directory.")
    return warning(FILES, f"{data.path} holds no log yet.", "Start a server, which creates it.")


def check_kinds(data: DataDirectory) -> Iterator[Finding]:
    """Check that the directory holds files and directories only: whoever opens a pipe waits."""
    special = [path for path in list_paths(data.path) if _is_special(path)]
    if special:
        text = f"{_names(special)}: neither a file nor a directory, so nothing here is read."
        yield error(FILES, text, "Move it away, and restore what was there before from a backup.")


def check_server(data: DataDirectory) -> Finding:
    """Tell whether a server runs on the directory."""
    if is_locked(data.path):
        return ok(SERVER, f"A server serves {data.path}.")
    return ok(SERVER, f"No server serves {data.path} at present.")


def check_permissions(data: DataDirectory) -> Iterator[Finding]:
    """Check that only the owner can write the files, and that this process can."""
    if not os.path.isdir(data.path):  # `check_files` says so
        return
    paths = list_paths(data.path)
    exposed, locked = [path for path in paths if _is_exposed(path)], [path for path in paths if _is_refused(path)]
    if exposed:
        text = f"Other users can read or write {_names(exposed)}, which hold customers' orders."
        yield warning(PERMISSIONS, text, f"Run: chmod -R g-w,o-rwx {data.path}")
    if locked:
        text = f"This user cannot read and write {_names(locked)}."
        fix = f"{RUN_AS_OWNER} If this is that user, run: chown -R {os.geteuid()} {data.path}"
        yield error(PERMISSIONS, text, fix)
    if not exposed and not locked:
        yield ok(PERMISSIONS, f"Only this user can write the {len(paths)} files and directories.")


def list_paths(directory: Path) -> list[Path]:
    """Return a directory and all below it, without what this user may not list."""
    return [
        directory,
        *(Path(folder) / name for folder, folders, files in os.walk(directory) for name in sorted((*folders, *files))),
    ]


def _is_special(path: Path) -> bool:
    """Return whether a path leads to a pipe, a socket or a device."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _is_exposed(path: Path) -> bool:
    try:
        return not path.is_symlink() and bool(path.stat().st_mode & (S_IRWXO | S_IWGRP))
    except OSError:  # it was just removed
        return False


def _is_refused(path: Path) -> bool:
    rights = os.R_OK | os.W_OK | (os.X_OK if os.path.isdir(path) else 0)
    return os.path.exists(path) and not os.access(path, rights)


def _names(paths: list[Path]) -> str:
    names = ", ".join(map(str, paths[:SHOWN]))
    return names if len(paths) <= SHOWN else f"{names} and {len(paths) - SHOWN} more"
