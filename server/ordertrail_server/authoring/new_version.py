"""Begin the next version of an event in a tree of protos: `ordertrail schema new`."""

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.buf import export, format_file
from ordertrail_server.authoring.case_number import next_number
from ordertrail_server.authoring.checkout import require_protos
from ordertrail_server.authoring.copy_check import altered_copies
from ordertrail_server.authoring.event_copy import EventCopy, plan_copy
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
from ordertrail_server.authoring.rules import predecessors_of
from ordertrail_server.authoring.source_text import read_sources
from ordertrail_server.authoring.tree import Tree, read_tree


class NewVersion(NamedTuple):
    """The new version: full names of messages, names of the copied and kept types, paths within the tree."""

    message: str
    predecessor: str
    file: str
    copied_types: list[str]
    reused_types: list[str]
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
    before = newest_version(tree, event)
    package = next_package(tree, before, released_messages(proto, tree))
    copying = plan_copy(tree, before.message, package)
    version = _plan_version(tree, before, copying, package)
    with TemporaryDirectory() as folder:
        export(proto, stage := Path(folder, "proto"))
        try:
            _write_version(stage, tree, before, copying, version)
            _verify(tree, read_tree(stage), copying, version)
        except AuthoringError as refusal:
            message = str(refusal).replace(f"{stage}/", "")
            raise AuthoringError(f"Copying {event} to {package} failed. {message}") from None
        replace_all({proto / file: (stage / file).read_bytes() for file in (version.file, version.record_file)})
    return version


def _write_version(stage: Path, tree: Tree, before: Case, copying: EventCopy, version: NewVersion) -> None:
    file, record_file = version.file, version.record_file
    sources = read_sources(stage, {record_file, *(original.file.name for original in copying.originals)})
    path, original = stage / file, before.message.file
    new_header = header(original, copying.package, sources[original.name])
    text = path.read_text(encoding="utf-8") if path.exists() else new_header
    _write(path, add_copies(text, file, tree, copying, sources))
    case = f"{version.message} {version.case} = {version.number};"
    _write(stage / record_file, add_case(sources[record_file], before, case, file))


def _plan_version(tree: Tree, before: Case, copying: EventCopy, package: str) -> NewVersion:
    begins = not any(case.message.file.package == package for case in cases(tree))
    message = f"{package}.{before.message.proto.name}"
    return NewVersion(
        message=message,
        predecessor=before.message.name,
        file=_file_of(before, package),
        copied_types=[original.proto.name for original in copying.originals if original.name != before.message.name],
        reused_types=[tree.types[name].proto.name for name in copying.reused],
        case=f"{before.field.name.removesuffix(f'_v{before.version}')}_v{version_of(package)}",
        number=next_number(event_numbers(tree), unavailable_numbers(tree), begins_version=begins),
        record_file=before.record.file.name,
    )


def _file_of(before: Case, package: str) -> str:
    file = PurePosixPath(before.message.file.name)
    return str(file.parent.parent / f"v{version_of(package)}" / file.name)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    format_file(path)


def _verify(before: Tree, after: Tree, copying: EventCopy, version: NewVersion) -> None:
    if altered := altered_copies(before, after, copying):
        raise AuthoringError(f"A copy would differ from its original: {', '.join(altered)}. Copy it by hand.")
    newest = newest_version(after, copying.event.proto.name).message
    if newest.name != version.message or predecessors_of(after, newest) != [version.predecessor]:
        raise AuthoringError(
            f"Record would lack its case, or its rules would not name the predecessor {version.predecessor}."
        )
