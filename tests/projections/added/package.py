"""Packages that add a projection to a server: written to a folder of the module path, as an installer would."""

from pathlib import Path

# How the docs tell authors to do it, and a fault that each test puts in.
SOURCE = '''
import os
import sys
import time
from pathlib import Path

from ordertrail_server.projections.projection import Projection

{head}


def has_cause():
    """Return whether the cause of the fault is still there."""
    return Path(__file__).with_name("cause").exists()


class Added(Projection):
    name = "{class_name}"

    def create_tables(self, database):
        columns = {{"order_id": str, "version": int, "applied": int}}
        database.table("{table}").create(columns, pk=("order_id", "version"), strict=True)

    def apply(self, batch, database):
        for fact in batch.facts:
            if fact.logged.offset == {fault_offset} and has_cause():
                {fault}
        rows = [(fact.event.order_id, fact.event.order_version) for fact in batch.facts]
        database.conn.executemany(
            "INSERT INTO applied VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET applied = applied + 1", rows
        )
'''


class Package:
    """A package that adds the projection `name`. `fault` is the statement that fails while `has_cause` is true."""

    def __init__(
        self,
        site: Path,
        name: str,
        fault: str = "pass",
        *,
        head: str = "",
        table: str = "applied",
        class_name: str = "",
        attribute: str = "Added",
        fault_offset: int = 0,
    ) -> None:
        self.name, self._folder = name, site / f"{name}_package"
        self._folder.mkdir(parents=True)
        (self._folder / "__init__.py").touch()
        (self._folder / "cause").touch()
        self.source = SOURCE.format(
            head=head, class_name=class_name or name, table=table, fault=fault, fault_offset=fault_offset
        )
        self.write_source(self.source)
        metadata = site / f"{name}_package-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-package\nVersion: 1.0\n")
        entry_point = f"{name} = {name}_package.projection:{attribute}"
        (metadata / "entry_points.txt").write_text(f"[ordertrail.projections]\n{entry_point}\n")

    def write_source(self, source: str) -> None:
        """Install another source of the projection."""
        (self._folder / "projection.py").write_text(source)

    def remove_cause(self) -> None:
        """Remove the cause of the fault, outside the code."""
        (self._folder / "cause").unlink()
