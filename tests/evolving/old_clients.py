"""Clients that were generated from the image of the last release."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.evolving.checkout import ROOT
from tests.evolving.compilers import NODE, files_of_image, node, node_modules, protoc, run

HERE = Path(__file__).parent
TYPESCRIPT = HERE / "typescript"
PACKAGES = ROOT / "examples" / "clients" / "typescript"
SECONDS = 30.0


class Said:
    """The output of a running client, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self, kind: str) -> list[Any]:
        """Return the next output, which must be of this kind."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), SECONDS)
        assert line, f"the client printed no {kind}: {await self._last_words()}"
        values: list[Any] = json.loads(line)[kind]
        return values

    async def end(self) -> None:
        """Wait until the client exits with 0 and without more output."""
        remaining_output, last_words = await asyncio.wait_for(self._process.communicate(), SECONDS)
        assert (self._process.returncode, remaining_output, last_words) == (0, b"", b"")

    async def _last_words(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


class OldClient(NamedTuple):
    """A program with an address and a task as arguments."""

    command: list[str]
    environment: Mapping[str, str]

    @asynccontextmanager
    async def runs(self, address: str, task: str) -> AsyncIterator[Said]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self.command, address, task, env=os.environ | self.environment, stdout=pipe, stderr=pipe
        )
        try:
            line = Said(process)
            yield line
            await line.end()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def in_python(folder: Path) -> OldClient:
    """Generate the client of old_client.py into an empty folder, and return it."""
    ours = [name for name in files_of_image() if not name.startswith("google/")]
    services = [name for name in ours if name.endswith("_service.proto")]
    protoc(f"--python_out={folder}", *ours)
    protoc(f"--grpc_python_out={folder}", *services)
    # Where the package of this release is installed, only a package of the same kind comes before it.
    (folder / "ordertrail" / "__init__.py").touch()
    client = OldClient([sys.executable, "-P", "-W", "error", str(HERE / "old_client.py")], {"PYTHONPATH": str(folder)})
    used = run(
        [sys.executable, "-P", "-c", "import ordertrail; print(ordertrail.__file__)"], folder, **client.environment
    )
    assert used.startswith(str(folder)), "the generated code is not what is used"
    return client


def in_typescript(folder: Path) -> OldClient:
    """Generate the client of typescript/client.ts into an empty folder, check its types, and return it compiled."""
    modules = node_modules(PACKAGES)
    for file in (TYPESCRIPT / "client.ts", TYPESCRIPT / "tsconfig.json", PACKAGES / "package.json"):
        shutil.copy2(file, folder)
    (folder / "node_modules").symlink_to(modules)
    (folder / "generated").mkdir()
    plugin = f"--plugin={modules / '.bin' / 'protoc-gen-es'}"
    protoc(plugin, f"--es_out=target=ts,import_extension=js:{folder / 'generated'}", *files_of_image())
    node("node_modules/typescript/bin/tsc", cwd=folder)
    return OldClient([NODE, str(folder / "build" / "client.js")], {})


LANGUAGES: dict[str, Callable[[Path], OldClient]] = {"python": in_python, "typescript": in_typescript}
