"""Groups of tests: the tests of one group run on one worker, so that it alone starts what they share."""

import re

from xdist.scheduler import LoadScopeScheduling

# These words in the name of a file or parameter mark the tests that need a Kafka broker.
_KAFKA = re.compile(r"kafka|topic|chaos|compose|log/test_copy")

# Tests of the files in one of these folders share what takes long to build.
_FOLDERS = re.compile(r"(tests/evolving|tests/e2e/damage)/[^/]+")

# Groups that run processes for long, the longest first. All others are short.
_LONG = ("kafka", "tests/evolving", "tests/e2e/", "tests/projections/", "tests/cli/", "tests/examples/", "tests/docs/")


def group_of(nodeid: str) -> str:
    """Return the group of a test: all on Kafka, those of a folder that shares something, or those of one file."""
    file = nodeid.partition("::")[0]
    if _KAFKA.search(file) or "kafka" in nodeid.partition("[")[2]:
        return "kafka"
    folder = _FOLDERS.fullmatch(file)
    return folder[1] if folder else file


def order_of(group: str) -> int:
    """Return the place of a group: long ones first, so that at the end no worker waits for the other."""
    return next((place for place, prefix in enumerate(_LONG) if group.startswith(prefix)), len(_LONG))


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Sends each group of tests to one worker."""

    # `--dist loadgroup` of pytest-xdist 3.8 has no effect with pytest 9.2, which ignores the suffix of a node's id.
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
