"""Keys in a file, which is read again when its content changes."""

import asyncio
from pathlib import Path

from ordertrail_server.access.identity.issuer_config import IssuerConfig
from ordertrail_server.access.identity.key_source import KeySource
from ordertrail_server.access.identity.trusted_keys import MAX_BYTES, KeysUnusable
from ordertrail_server.storage.regular_file import read_regular_file

CHECK_SECONDS = 1.0
"""How often the file is read. So a key that was removed from it is trusted for about a second."""


class KeyFile(KeySource):
    """The keys of a file. Raises KeysUnusable if they cannot be used at the start. Blocks then."""

    def __init__(self, config: IssuerConfig, path: Path) -> None:
        super().__init__(config)
        self._path = path
        self._content: bytes | None = None
        self.reload()
        if self.fault:
            raise KeysUnusable(f"the keys of {config.issuer} cannot be used: {self.fault}")

    async def run(self) -> None:
        """Read the file again and again."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await asyncio.to_thread(self.reload)
            except Exception as error:
                self.report_unexpected(error)

    async def refresh_for_unknown_key(self) -> None:
        """Do nothing: the file is read every second."""

    def reload(self) -> None:
        """Read the file, and take its keys if they have changed. Blocks."""
        try:
            content = read_regular_file(self._path, MAX_BYTES + 1)
        except OSError as error:
            self.report(f"{self._path} cannot be read: {error.strerror}")
            return
        if content != self._content or self.fault:
            self.take(content)
            self._content = content

    def report(self, fault: str) -> None:
        """Note a fault with the name of the file."""
        super().report(fault if str(self._path) in fault else f"{self._path}: {fault}")
