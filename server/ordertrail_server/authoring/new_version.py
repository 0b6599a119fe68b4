"""The next version of an event, begun in a tree of protos: `ordertrail schema new`."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ordertrail_server.authoring.all_or_none import replace_all
from ordertrail_server.authoring.buf import export, format_file
from ordertrail_server.authoring.case_number import next_number
from ordertrail_server.authoring.checkout import require_protos
from ordertrail_server.authoring.copying import Copying, copy_event
from ordertrail_server.authoring.declared import TypeProto
from ordertrail_server.authoring.event_versions import Case, cases, event_numbers, newest, taken_numbers, version_of
from ordertrail_server.authoring.file_text import header, with_case, with_copies
from ordertrail_server.authoring.refused import AuthoringRefused
from ordertrail_server.authoring.releases import next_package, released
from ordertrail_server.authoring.tree import Tree, read_tree


class NewVersion(NamedTuple):
    """What was made: full names of the messages, names of the types copied with them, paths within the tree."""

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
    one if there is one: that of which the tree's lock holds no message. Without a lock all there is counts as released.

    All is changed in a copy of the tree first, which must compile and hold what was copied, unaltered.
    Raises AuthoringRefused, or OSError if a file cannot be written; then nothing was changed.
    """
    require_protos(proto)
    tree = read_tree(proto)
    package = next_package(tree, newest(tree, event), released(proto, tree))
    with TemporaryDirectory() as folder:
        export(proto, stage := Path(folder, "proto"))
        try:
            made = _make(stage, event, package)
        except AuthoringRefused as refusal:
            said = str(refusal).replace(f"{stage}/", "")
            raise AuthoringRefused(f"The copy of {event} in {package} would not be sound. {said}") from None
        replace_all({proto / file: (stage / file).read_bytes() for file in (made.file, made.record_file)})
    return made


def _make(stage: Path, event: str, package: str) -> NewVersion:
    record_file = newest(read_tree(stage), event).record.file.name
    format_file(stage / record_file)  # then each statement has lines of its own
    tree = read_tree(stage)
    before = newest(tree, event)
    copying = copy_event(tree, before.message, package)
    made = _planned(tree, before, copying, package)
    begin = header(package, before.message.file)
    _write(stage / made.file, lambda text: with_copies(text or begin, made.file, tree, copying, package))
    case = f"{made.message} {made.case} = {made.number};"
    _write(stage / record_file, lambda text: with_case(text, before, case, made.file))
    _prove(read_tree(stage), made, copying)
    return made


def _planned(tree: Tree, before: Case, copying: Copying, package: str) -> NewVersion:
    begins = not any(case.message.file.package == package for case in cases(tree))
    message = f"{package}.{before.message.proto.name}"
    return NewVersion(
        message=message,
        predecessor=before.message.name,
        file=_file_of(before, package),
        copied=[one.proto.name for name, (one, _) in copying.copies.items() if name != message],
        kept=[tree.types[name].proto.name for name in copying.kept],
        case=f"{before.field.name.removesuffix(f'_v{before.version}')}_v{version_of(package)}",
        number=next_number(event_numbers(tree), taken_numbers(tree), begins_version=begins),
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


def _prove(tree: Tree, made: NewVersion, copying: Copying) -> None:
    # What the language has and this code does not know of, it could only lose.
    lost = [name for name, (_, meant) in copying.copies.items() if _shape(tree.types[name].proto) != _shape(meant)]
    if lost:
        raise AuthoringRefused(f"It would lose something of {', '.join(lost)}: copy it by hand.")
    if newest(tree, made.message.rpartition(".")[2]).message.name != made.message:
        raise AuthoringRefused("Record would not have its case.")


def _shape(proto: TypeProto) -> bytes:
    return proto.SerializeToString(deterministic=True)
