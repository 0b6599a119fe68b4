"""How a server is protected: the encryption of its connections, and the policy for its callers."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc

from ordertrail_server.edge.address import parse_address
from ordertrail_server.edge.gate import Gate
from ordertrail_server.settings import Settings

if TYPE_CHECKING:
    from ordertrail_server.access.authority import Authority

_log = logging.getLogger(__name__)

Watch = Callable[[Coroutine[Any, Any, None]], None]


class Transport(NamedTuple):
    """The credentials of TLS, None without it, the gate that callers pass, and the number of faults of each source."""

    credentials: grpc.ServerCredentials | None
    gate: Gate
    fault_counts: Callable[[], Mapping[str, int]]


async def open_transport(settings: Settings, watch: Watch) -> Transport:
    """Read certificates and policy. Watched tasks read them again when they change.

    Raises OperatorError. Libraries that few servers of a development machine need are imported late.
    """
    authority = credentials = trust = None
    faults: dict[str, Callable[[], Sequence[str]]] = {}
    if settings.certificate_files is not None:
        from ordertrail_server.edge.tls.client_trust import ClientTrust
        from ordertrail_server.edge.tls.reloaded_certificates import ReloadedCertificates

        certificates = await asyncio.to_thread(ReloadedCertificates, settings.certificate_files)
        watch(certificates.reload_regularly())
        faults["certificates"] = lambda: certificates.faults
        credentials, trust = certificates.credentials(), ClientTrust(lambda: certificates.client_authorities)
    if settings.policy is not None:
        from ordertrail_server.access.authority import Authority

        authority = await asyncio.to_thread(Authority, settings.policy)
        watch(authority.run())
        faults["policy"] = partial(_faults_of, authority)
    _log_openness(settings)
    gate = Gate(authority, trust)
    watch(gate.run())
    return Transport(credentials, gate, lambda: {source: len(find()) for source, find in faults.items()})


def _faults_of(authority: "Authority") -> Sequence[str]:
    return authority.faults


def _log_openness(settings: Settings) -> None:
    """Log what protects the server less than a server needs that other machines can reach."""
    is_local = parse_address(settings.listen).is_local
    if settings.certificate_files is None and not is_local:
        _log.warning("connections are not encrypted, and other machines can reach this server (insecure)")
    if settings.policy is None:
        level = logging.INFO if is_local else logging.WARNING
        _log.log(level, "there is no policy (--policy FILE), so every caller may do everything, under any name")
