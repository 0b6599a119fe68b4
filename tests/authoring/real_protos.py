"""A copy of Ordertrail's own protos that a test can change."""

from pathlib import Path
from shutil import copy2, copytree, ignore_patterns

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("proto", "third_party")


def copy_protos(root: Path) -> Path:
    """Copy the protos, those they import, and buf.yaml to a folder; return the folder of our protos."""
    root.mkdir(exist_ok=True)
    for folder in FOLDERS:
        copytree(ROOT / folder, root / folder, ignore=ignore_patterns("__pycache__"))
    copy2(ROOT / "buf.yaml", root)
    return root / "proto"
