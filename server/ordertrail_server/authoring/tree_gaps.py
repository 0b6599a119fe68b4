"""Gaps that are visible only in the proto files, not in the descriptor of `Record` or in the lock."""

from pathlib import Path

from ordertrail_server.authoring.request_numbers import IMAGE_NAME, unstable_fields
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.unregistered_events import unregistered_events


def tree_gaps(proto: Path, tree: Tree) -> list[str]:
    """Return each gap of a tree read from `proto`, with its remedy.

    New fields of commands are those that the image of the last release lacks; without an image none are new.
    """
    image = proto / IMAGE_NAME
    return [*unregistered_events(tree), *(unstable_fields(tree, Tree(image.read_bytes())) if image.exists() else ())]
