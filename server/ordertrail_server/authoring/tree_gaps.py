"""What only a tree of protos shows, and neither the descriptors of a record nor the lock."""

from pathlib import Path

from ordertrail_server.authoring.request_numbers import IMAGE_NAME, unstable_fields
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.unregistered_events import unregistered_events


def tree_gaps(proto: Path, tree: Tree) -> list[str]:
    """Return what is wrong with a tree read from `proto`, each with what mends it.

    New fields of commands are compared with the image of the last release; where there is none, nothing is new.
    """
    image = proto / IMAGE_NAME
    return [*unregistered_events(tree), *(unstable_fields(tree, Tree(image.read_bytes())) if image.exists() else ())]
