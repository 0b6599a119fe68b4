"""Small trees of protos with an event in several versions and its public event, compiled by buf.

The texts are short: `(field)` and `(message)` stand for the options of ordertrail.evolve.v1, "v1.Placed" for the full
name of a message. Types of other versions are named as protos of one package name each other: v1.Line.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from ordertrail_server.schema.cases import cases, message_class, message_of
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.hops.plan import Plan
from ordertrail_server.schema.public_hops import PublicHops
from ordertrail_server.schema.readers import Reader, Readers

ROOT = Path(__file__).resolve().parents[3]
RULES = "ordertrail/evolve/v1/rules.proto"
FACTS = "Placed", "Created"
"""The messages of a version that are events; all others are types of their fields."""


class Tree(NamedTuple):
    """One compiled tree."""

    pool: DescriptorPool
    package: str

    def message(self, name: str) -> Descriptor:
        """Return a message: "v1.Placed" or "public.Placed"."""
        return self.pool.FindMessageTypeByName(f"{self.package}.{name}")

    def make(self, name: str, **fields: Any) -> Message:
        """Return a message with these fields, given as JSON."""
        return ParseDict(fields, message_class(self.message(name))())

    @property
    def families(self) -> Families:
        return Families(self.message("log.Record"))

    @property
    def public(self) -> PublicHops:
        return PublicHops(self.families, self.message("log.Record"), self.message("public.HistoryEvent"))

    @property
    def gaps(self) -> list[str]:
        """Every gap between stored versions, without the tree's package in names."""
        return [self.short(gap) for gap in self.families.gaps]

    @property
    def public_gaps(self) -> list[str]:
        """Every gap between the newest version and the public event."""
        return [self.short(gap) for gap in self.public.gaps]

    def short(self, text: str) -> str:
        return text.replace(f"{self.package}.", "")

    def plan(self, name: str = "v1.Placed") -> Plan:
        """Return the plan that reads a message."""
        plan = self.families.hops[f"{self.package}.{name}"].plan
        assert plan is not None
        return plan

    def hop(self, name: str = "v1.Placed", /, **fields: Any) -> dict[str, Any]:
        """Return the reading of a stored message in the next version as JSON."""
        hop = self.families.hops[f"{self.package}.{name}"]
        new = message_class(hop.new)()
        compile_hop(hop)(self.make(name, **fields), new)
        return to_json(new)

    def reader(self, name: str = "v1.Placed") -> Reader:
        """Return the reader of a stored message."""
        record = self.message("log.Record")
        [case] = [case for case in cases(record) if message_of(case) is self.message(name)]
        reader = Readers(self.families, self.public).of(case)
        assert reader is not None
        return reader

    def read(self, name: str = "v1.Placed", /, **fields: Any) -> dict[str, Any]:
        """Return the public event of a stored message, read from its bytes, as JSON."""
        reader = self.reader(name)
        public = message_class(reader.hops[-1].new)()
        reader.read(self.make(name, **fields).SerializeToString(), public)
        return to_json(public)

    def written(self, **fields: Any) -> dict[str, Any]:
        """Return the stored message of a public event as JSON."""
        [hop] = self.public.hops.values()
        assert hop.writes is not None
        stored = message_class(hop.writes.new)()
        compile_hop(hop.writes)(self.make("public.Placed", **fields), stored)
        return to_json(stored)


def to_json(message: Message) -> dict[str, Any]:
    """Return a message as JSON. Fails if the message has unknown fields."""
    before = message.SerializeToString(deterministic=True)
    message.DiscardUnknownFields()
    assert message.SerializeToString(deterministic=True) == before, "bytes of another message are left in it"
    fields: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return fields


def trees(texts: Mapping[str, Mapping[str, str]]) -> dict[str, Tree]:
    """Compile trees in one run: {name of the tree: {"v1", "v2", … or "public": messages}}."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root / RULES, (ROOT / "proto" / RULES).read_text())
        for name, packages in texts.items():
            _write_tree(root, name, packages)
        (root / "buf.yaml").write_text("version: v2\n")
        buf = str(Path(sys.executable).parent / "buf")
        result = subprocess.run([buf, "build", "--as-file-descriptor-set", "-o", "-"], cwd=root, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(result.stdout).file:
        pool.Add(file)
    return {name: Tree(pool, name) for name in texts}


def _write_tree(root: Path, tree: str, packages: Mapping[str, str]) -> None:
    stored = [package for package in packages if package != "public"]
    imports = [f'import "{RULES}";', 'import "google/protobuf/timestamp.proto";']
    for place, package in enumerate(stored):
        earlier = [f'import "{tree}/{before}.proto";' for before in stored[:place]]
        _write(root / tree / f"{package}.proto", _file(tree, package, [*imports, *earlier], packages[package]))
    every = [f'import "{tree}/{package}.proto";' for package in packages]
    events = [(package, name) for package in stored for name in _events(packages[package])]
    record = _oneof(f"{package}.{name} {name.lower()}_{package}" for package, name in events)
    _write(root / tree / "log.proto", _file(tree, "log", every, f"message Record {{ {record} }}"))
    public = packages.get("public", "message Placed {}")
    history = _oneof((f"{name} {name.lower()}" for name in _events(public)), 1001)
    public += f"message HistoryEvent {{ {history} }}"
    _write(root / tree / "public.proto", _file(tree, "public", imports[1:], public))


def _events(text: str) -> list[str]:
    return [name for name in re.findall(r"^message (\w+)", text, re.MULTILINE) if name.startswith(FACTS)]


def _oneof(fields: Any, first: int = 1) -> str:
    numbered = " ".join(f"{field} = {number};" for number, field in enumerate(fields, first))
    return f"oneof event {{ {numbered} }}"


def _file(tree: str, package: str, imports: list[str], text: str) -> str:
    text = re.sub(r"\((field|message)\)", r"(ordertrail.evolve.v1.\1)", text)
    text = re.sub(r'"(v\d+\.[A-Z])', rf'"{tree}.\1', text)
    return "\n".join(['syntax = "proto3";', f"package {tree}.{package};", *imports, text])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
