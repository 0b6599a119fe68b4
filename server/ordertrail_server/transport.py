"""How connections to a server are protected."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import grpc

from ordertrail_server.edge.address import parse_address
from ordertrail_server.settings import Settings

_log = logging.getLogger(__name__)


async def read_credentials(
    settings: Settings, watch: Callable[[Coroutine[Any, Any, None]], None]
) -> grpc.ServerCredentials | None:
    """Return the credentials of TLS, and have them reloaded by a watched task; None without TLS.

    Raises CertificateRefused.
    """
    files = settings.certificate_files
    if files is None:
        if not parse_address(settings.listen).is_local:
            _log.warning("connections are not encrypted, and other machines can reach this server (insecure)")
        return None
    # The library takes a while to load, and few servers of a development machine need it.
    from ordertrail_server.edge.tls.reloaded_certificates import ReloadedCertificates

    certificates = await asyncio.to_thread(ReloadedCertificates, files)
    watch(certificates.reload_regularly())
    return certificates.credentials()
