"""The released messages of a tree, and the package for the next version of an event."""

from pathlib import Path

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.event_versions import Case, family_of, version_of
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.schema.lock.lock_file import LOCK_NAME, locked_messages


def released_messages(proto: Path, tree: Tree) -> set[str]:
    """Return the full names of the messages in the tree's lock; without a lock, of all messages."""
    lock = proto / LOCK_NAME
    return locked_messages(lock) if lock.exists() else set(tree.types)


def next_package(tree: Tree, newest: Case, released_messages: set[str]) -> str:
    """Return the package for the version after the newest: the unreleased one, else a new one.

    Raises AuthoringError if the newest is unreleased itself, or if an earlier run has not ended.
    """
    message = newest.message
    if message.name not in released_messages:
        raise AuthoringError(f"{message.name} is not released yet: edit it in {message.file.name}.")
    highest = _highest_package(tree, newest)
    is_unreleased = not any(
        declaration.file.package == highest and declaration.name in released_messages
        for declaration in tree.types.values()
    )
    package = highest if is_unreleased else f"{family_of(highest)}.v{version_of(highest) + 1}"
    if existing := tree.types.get(f"{package}.{message.proto.name}"):
        raise AuthoringError(
            f"{existing.name} is in {existing.file.name} without a case in Record, "
            "probably because an earlier run was interrupted: "
            "remove it, or add its case."
        )
    return package


def _highest_package(tree: Tree, newest: Case) -> str:
    package = newest.message.file.package
    if not newest.version:
        raise AuthoringError(f"{newest.message.name} is in no package of a version, such as v1.")
    family = {file.package for file in tree.files.values() if family_of(file.package) == family_of(package)}
    return max(family, key=version_of)
