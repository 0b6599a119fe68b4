"""Certificates that are read again when their files change. Connections that are open keep theirs."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import grpc

from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.edge.tls.certificates import CertificateRefused, read_certificates

_log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""How often the files are checked. A change shows in their size, inode or time of modification."""


class ReloadedCertificates:
    """The certificates of one server. Raises CertificateRefused if they cannot be used at the start.

    The files are replaced one after another, so for a moment they may not fit together. Then, as after any other
    fault, the last good ones remain in use.
    """

    def __init__(self, files: CertificateFiles) -> None:
        self._files, self._fault = files, ""
        self._versions = _versions(files)
        self._current = read_certificates(files)
        self._served = self._current

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials for one server, which take up new certificates with the next connection."""
        needs_client = self._current.client_authorities is not None
        fetch: Any = self._fetch  # the stubs leave out that None means no change
        return grpc.dynamic_ssl_server_credentials(self._current.configuration(), fetch, needs_client)

    @property
    def client_authorities(self) -> bytes | None:
        """The present authorities of clients (PEM); None if clients need no certificate."""
        return self._current.client_authorities

    @property
    def faults(self) -> list[str]:
        """Why the present files are not in use: a sentence, or nothing."""
        return [self._fault] if self._fault else []

    async def reload_regularly(self) -> None:
        """Read the files again after each change, for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await asyncio.to_thread(self.reload)

    def reload(self) -> None:
        """Read the files if they have changed, or if their last reading failed. Blocks."""
        versions = _versions(self._files)
        if versions == self._versions and not self._fault:
            return
        try:
            certificates = read_certificates(self._files)
        except CertificateRefused as refused:
            if str(refused) != self._fault:
                _log.error("the last certificates remain in use: %s", refused)
            self._fault = str(refused)
            return
        self._versions, self._fault = versions, ""
        if certificates != self._current:
            self._current = certificates
            _log.info("new connections use the certificates that were replaced in %s", self._files.certificate)

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        # Called in a thread of gRPC, for each connection. None means no change.
        current = self._current
        if current is self._served:
            return None
        self._served = current
        return current.configuration()


def _versions(files: CertificateFiles) -> list[tuple[int, int, int] | None]:
    return [_version(path) for path in files if path is not None]


def _version(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
