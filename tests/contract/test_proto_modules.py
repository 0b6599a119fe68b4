"""The protos compile offline in a user's workspace and in the source distribution."""

import subprocess
import sys
import tomllib
from pathlib import Path
from shutil import copy, copytree

from tests.contract.generator import ROOT

BUF = str(Path(sys.executable).with_name("buf"))
# buf refuses a workspace in which two modules have the same proto.
WORKSPACE = """\
version: v2
modules:
  - path: vendor/ordertrail
  - path: googleapis
  - path: protovalidate
"""


def build(root: Path, proto: str) -> tuple[int, str]:
    process = subprocess.run([BUF, "build", proto], cwd=root, capture_output=True, text=True, check=False)
    return process.returncode, process.stderr


def test_protos_compile_in_a_workspace_with_googleapis_and_protovalidate(tmp_path: Path) -> None:
    (tmp_path / "buf.yaml").write_text(WORKSPACE)
    copytree(ROOT / "proto", tmp_path / "vendor" / "ordertrail")
    for module in ("googleapis", "protovalidate"):
        copytree(ROOT / "third_party" / module, tmp_path / module)
    assert build(tmp_path, "vendor/ordertrail") == (0, "")


def test_protos_of_the_source_distribution_compile(tmp_path: Path) -> None:
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    for name in targets["sdist"]["include"]:
        copy_item = copytree if (ROOT / name).is_dir() else copy
        copy_item(ROOT / name, tmp_path / name)
    assert build(tmp_path, "proto") == (0, "")
