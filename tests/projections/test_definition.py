"""Code that folds differently has another definition, and therefore another file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ordertrail_server.projections.definition import SOURCES, definition_digest, read_model_file
from ordertrail_server.schema.definition import RULES, SERVER

ASK = "from ordertrail_server.projections.definition import *; print(definition_digest().hex())"


@pytest.mark.parametrize("pattern", RULES + SOURCES)
def test_every_source_of_the_definition_exists(pattern: str) -> None:
    assert list(SERVER.glob(pattern))


def test_file_is_named_after_the_definition() -> None:
    assert read_model_file(Path("read-model")).name == f"order-history-{definition_digest().hex()[:12]}.sqlite"


@pytest.mark.parametrize(
    ("source", "is_other"),
    [
        ("orders/evolve.py", True),
        ("schema/reading.py", True),
        ("projections/fold.py", True),
        ("projections/supervisor.py", False),
        ("log/embedded/log.py", False),
    ],
)
def test_only_changes_of_code_that_determines_rows_change_the_definition(
    tmp_path: Path, source: str, is_other: bool
) -> None:
    shutil.copytree(SERVER, tmp_path / SERVER.name, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / SERVER.name / source).open("a") as file:
        file.write("\n# changed\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    answer = subprocess.run([sys.executable, "-c", ASK], env=environment, check=True, capture_output=True, text=True)
    assert (answer.stdout.strip() != definition_digest().hex()) is is_other
