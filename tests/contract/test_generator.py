"""`make generate` replaces all generated code, or leaves it unchanged."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from tests.contract.generator import ROOT, generated_files, run_generator, start_generator

FOLDERS = ["client", "proto", "third_party"]
MONEY = "ordertrail/v1/money"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with generated code."""
    for folder in FOLDERS:
        copytree(ROOT / folder, tmp_path / folder, ignore=ignore_patterns("__pycache__"))
    return tmp_path


def write_plugin(root: Path, script: str) -> Path:
    plugin = root / "plugins" / "protoc-gen-mypy"
    plugin.parent.mkdir()
    plugin.write_text(f"#!/bin/sh\n{script}\n")
    plugin.chmod(0o755)
    return plugin.parent


def test_syntax_error_leaves_generated_code_unchanged(root: Path) -> None:
    before = generated_files(root / "client")
    proto = root / "proto" / f"{MONEY}.proto"
    proto.write_text(proto.read_text().replace("package", "packge"))
    assert run_generator(root, root / "client") != 0
    assert generated_files(root / "client") == before


def test_failed_plugin_leaves_generated_code_unchanged(root: Path) -> None:
    before = generated_files(root / "client")
    assert run_generator(root, root / "client", write_plugin(root, "exit 1")) != 0
    assert generated_files(root / "client") == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interruption_leaves_generated_code_unchanged(root: Path, number: signal.Signals) -> None:
    before = generated_files(root / "client")
    os.mkfifo(gate := root / "gate")
    generator = start_generator(root, root / "client", write_plugin(root, f"cat {gate}"))
    with gate.open("wb"):  # blocks until the plugin reads from the gate
        os.killpg(generator.pid, number)
        assert generator.wait() != 0
    assert generated_files(root / "client") == before


def edit_money(root: Path) -> None:
    proto = root / "proto" / f"{MONEY}.proto"
    proto.write_text(proto.read_text().replace("int32 nanos", "int32 billionths"))


def add_proto(root: Path) -> None:
    proto = root / "proto" / "ordertrail" / "v1" / "weight.proto"
    proto.write_text('syntax = "proto3"; package ordertrail.v1; message Weight {}')


def remove_proto(root: Path) -> None:
    (root / "proto" / "ordertrail" / "v1" / "projection_service.proto").unlink()


@pytest.mark.parametrize("edit", [edit_money, add_proto, remove_proto])
def test_generation_after_an_edit_equals_a_fresh_generation(root: Path, edit: Callable[[Path], None]) -> None:
    edit(root)
    assert run_generator(root, root / "client") == 0
    assert run_generator(root, root / "anew") == 0
    assert generated_files(root / "client") == generated_files(root / "anew") != generated_files(ROOT / "client")


def test_generation_removes_what_a_killed_run_left_behind(root: Path) -> None:
    (root / ".client.new" / "ordertrail").mkdir(parents=True)
    (root / ".client.new" / "ordertrail" / "half_pb2.py").touch()
    assert run_generator(root, root / "client") == 0
    assert generated_files(root / "client") == generated_files(ROOT / "client")
    assert sorted(path.name for path in root.iterdir()) == FOLDERS
