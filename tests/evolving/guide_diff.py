"""Apply the diffs of a page: unified diffs without line numbers, each hunk located by its text.

A diff from /dev/null makes its file.
"""

import re
from pathlib import Path


class NotApplicable(AssertionError):
    """A hunk is not in its file, or more than once."""


def apply_diff(root: Path, diff: str) -> None:
    """Apply the diff of one file below `root`. Raises NotApplicable."""
    [name] = re.findall(r"^\+\+\+ b/(.+)$", diff, re.MULTILINE)
    path = root / name
    text = "" if diff.startswith("--- /dev/null\n") else path.read_text()
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE)[1:]:
        text = _after(text, hunk, name)
    path.write_text(text)


def _after(text: str, hunk: str, name: str) -> str:
    lines = [(line[:1], line[1:]) for line in hunk.splitlines(keepends=True)]
    old = "".join(line for kind, line in lines if kind != "+") or "\n"
    new = "".join(line for kind, line in lines if kind != "-")
    if not text:
        return new
    if text.count(old) != 1:
        raise NotApplicable(f"{name} has {text.count(old)} places for\n{hunk}")
    return text.replace(old, new)
