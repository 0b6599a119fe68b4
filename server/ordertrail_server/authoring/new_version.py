"""Begin the next version of an event in a tree of protos: `ordertrail schema new`."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.buf import export, format_file
from ordertrail_server.authoring.case_number import next_number
from ordertrail_server.authoring.checkout import require_protos
from ordertrail_server.authoring.event_copy import EventCopy, copy_event
from ordertrail_server.authoring.event_versions import (
    Case,
    cases,
    event_numbers,
    newest_version,
    unavailable_numbers,
    version_of,
)
from ordertrail_server.authoring.file_replacement import replace_all
from ordertrail_server.authoring.file_text import add_case, add_copies, header
from ordertrail_server.authoring.releases import next_package, released_messages
from ordertrail_server.authoring.tree import Tree, read_tree
from ordertrail_server.authoring.type_declaration import TypeProto


class NewVersion(NamedTuple):
    """The new version: full names of messages, names of the copied and kept types, paths within the tree."""

    message: str
    predecessor: str
    file: str
    copied: list[str]
    kept: list[str]
    case: str
    number: int
    record_file: str


def new_version(proto: Path, event: str) -> NewVersion:
    """Copy the newest message of an event, and all that it uses, into the next version, with its case in `Record`.

    `event` is the message's name without its package, `proto` the root of the tree. The next version is the unreleased
    one if there is one: the tree's lock has no message of it. Without a lock, every version counts as released.

    The change is first made in a copy of the tree, which must compile and contain unaltered copies.
    Raises AuthoringError, or OSError if a file cannot be written. In both cases nothing has changed.
    """
    require_protos(proto)
    tree = read_tree(proto)
    package = next_package(tree, newest_version(tree, event), released_messages(proto, tree))
    with TemporaryDirectory() as folder:
        export(proto, stage := Path(folder, "proto"))
        try:
            version = _create(stage, event, package)
        except AuthoringError as refusal:
            message = str(refusal).replace(f"{stage}/", "")
            raise AuthoringError(f"The copy of {event} in {package} would not be sound. {message}") from None
        replace_all({proto / file: (stage / file).read_bytes() for file in (version.file, version.record_file)})
    return version


def _create(stage: Path, event: str, package: str) -> NewVersion:
    record_file = newest_version(read_tree(stage), event).record.file.name
    format_file(stage / record_file)  # so that each statement has its own lines
    tree = read_tree(stage)
    before = newest_version(tree, event)
    copying = copy_event(tree, before.message, package)
    version = _plan_version(tree, before, copying, package)
    begin = header(package, before.message.file)
    _write(stage / version.file, lambda text: add_copies(text or begin, version.file, tree, copying, package))
    case = f"{version.message} {version.case} = {version.number};"
    _write(stage / record_file, lambda text: add_case(text, before, case, version.file))
    _verify(read_tree(stage), version, copying)
    return version


def _plan_version(tree: Tree, before: Case, copying: EventCopy, package: str) -> NewVersion:
    begins = not any(case.message.file.package == package for case in cases(tree))
    message = f"{package}.{before.message.proto.name}"
    return NewVersion(
        message=message,
        predecessor=before.message.name,
        file=_file_of(before, package),
        copied=[declaration.proto.name for name, (declaration, _) in copying.copies.items() if name != message],
        kept=[tree.types[name].proto.name for name in copying.reused],
        case=f"{before.field.name.removesuffix(f'_v{before.version}')}_v{version_of(package)}",
        number=next_number(event_numbers(tree), unavailable_numbers(tree), begins_version=begins),
        record_file=before.record.file.name,
    )


def _file_of(before: Case, package: str) -> str:
    file = PurePosixPath(before.message.file.name)
    return str(file.parent.parent / f"v{version_of(package)}" / file.name)


def _write(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(change(text), encoding="utf-8")
    format_file(path)


def _verify(tree: Tree, version: NewVersion, copying: EventCopy) -> None:
    # This code would lose proto features that it does not know.
    incomplete = [name for name, (_, copy) in copying.copies.items() if _shape(tree.types[name].proto) != _shape(copy)]
    if incomplete:
        raise AuthoringError(f"It would lose something of {', '.join(incomplete)}: copy it by hand.")
    if newest_version(tree, version.message.rpartition(".")[2]).message.name != version.message:
        raise AuthoringError("Record would not have its case.")


def _shape(proto: TypeProto) -> bytes:
    return proto.SerializeToString(deterministic=True)
