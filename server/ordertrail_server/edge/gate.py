"""Admits calls: identifies the caller, and asks the policy once for each call."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAUTHENTICATED
from ordertrail_server.access.forwarded_identity import read_forwarded
from ordertrail_server.access.identity.identity import ANONYMOUS, CERTIFICATE, Identity
from ordertrail_server.access.meter import Meter, Meters
from ordertrail_server.access.permission import FORWARD
from ordertrail_server.access.policy import scope_of_rpc
from ordertrail_server.access.rights import FULL_RIGHTS, denied
from ordertrail_server.access.rpc_rules import RPCS_WITH_FACTS
from ordertrail_server.access.scope import EVERYTHING, Scope
from ordertrail_server.commands.prepare import Caller
from ordertrail_server.edge.admission import RequestAdmission
from ordertrail_server.edge.caller import CallMetadata, read_metadata, refuse_unrecordable
from ordertrail_server.edge.open_streams import OpenStreams
from ordertrail_server.edge.refusal_pause import RefusalPause
from ordertrail_server.edge.tls.certificate_chain import find_chain
from ordertrail_server.logs.call_fields import set_actor
from ordertrail_server.orders.refusal import Refusal, Refused

if TYPE_CHECKING:
    from ordertrail_server.access.authority import Authority
    from ordertrail_server.edge.tls.client_trust import ClientTrust

Context = grpc.aio.ServicerContext[Any, Any]

WAITING_BYTES = 8 << 20
"""The most bytes of requests that wait until the key of their token is fetched.

They do not count as requests that are handled. Otherwise anybody could use up the room of all callers while an issuer
does not answer.
"""


class Permit(NamedTuple):
    """What the policy allows one call: on whose behalf it acts, and whose orders it may reach."""

    caller: Caller
    scope: Scope
    identity: Identity = ANONYMOUS

    def count_query(self) -> AbstractContextManager[None]:
        """Count a query of the caller while it runs. Raises Refused if too many run."""
        meter = self.caller.meter
        return nullcontext() if meter is None else meter.count_query()


class Gate:
    """The gate of one server. Without an authority every caller may do everything, under any name."""

    def __init__(self, authority: "Authority | None" = None, trust: "ClientTrust | None" = None) -> None:
        """With `trust`, streams of clients also end once the authorities of their certificates were removed."""
        self._authority, self._trust = authority, trust
        self._meters, self._streams, self.refusal_pause = Meters(), OpenStreams(), RefusalPause()
        self._waiting = RequestAdmission(WAITING_BYTES)

    def rpc(self, service: str, method: str) -> "RpcGate":
        """Return the gate of one rpc."""
        return RpcGate(self, f"{service}/{method}")

    async def admit(self, rpc: str, context: Context, raw: bytes = b"") -> Permit:
        """Return the permit of a call, whose request is kept meanwhile. Raises Refused."""
        if self._trust is not None and not self._trust.trusts(find_chain(context.auth_context())):
            raise Refused(UNTRUSTED)
        metadata = read_metadata(context.invocation_metadata() or ())
        if rpc in RPCS_WITH_FACTS:
            refuse_unrecordable(metadata)
        if self._authority is None:
            set_actor(metadata.actor)
            return Permit(Caller(FULL_RIGHTS, metadata.actor, "", metadata.traceparent), EVERYTHING)
        identity = await self._identify(self._authority, metadata, context, raw)
        set_actor(identity.name)
        return self._permit(self._authority, rpc, identity, metadata)

    async def _identify(self, authority: "Authority", metadata: CallMetadata, context: Context, raw: bytes) -> Identity:
        if metadata.authorization is not None:
            return authority.cached(metadata.authorization) or await authority.identify(
                metadata.authorization, context.auth_context(), partial(self._waiting.hold, raw)
            )
        try:
            identity = await authority.identify(None, context.auth_context())
            return _forwarded_identity(authority, identity, metadata)
        except Refused:
            return ANONYMOUS

    def _permit(self, authority: "Authority", rpc: str, identity: Identity, metadata: CallMetadata) -> Permit:
        rights = authority.rights_of(identity)
        try:
            scope = scope_of_rpc(rights, rpc)
        except Refused as refused:
            if identity is not ANONYMOUS:
                raise
            raise Refused(Refusal(ERROR_REASON_UNAUTHENTICATED, IDENTIFY)) from refused
        on_behalf_of = "" if metadata.actor in ("", identity.name) else metadata.actor
        if on_behalf_of and not rights.may_act_for_others:
            raise denied("You may not act for others; leave out ordertrail-actor, or send your own name in it.")
        meter = self._meters.get(identity, rights.limits)
        return Permit(Caller(rights, identity.name, on_behalf_of, metadata.traceparent, meter), scope, identity)

    @asynccontextmanager
    async def open_stream(self, rpc: str, context: Context, raw: bytes = b"") -> AsyncIterator[Permit]:
        """Provide the permit of a stream, which ends with Refused once the policy no longer allows it."""
        permit = await self.admit(rpc, context, raw)
        if self._authority is None and self._trust is None:
            yield permit
            return
        with _count_stream(permit.caller.meter), self._streams.hold(self._create_recheck(rpc, permit, context)):
            yield permit

    def _create_recheck(self, rpc: str, permit: Permit, context: Context) -> Callable[[], Refusal | None]:
        """Return the function that returns why an open stream must end, None if it may continue."""
        authority, trust = self._authority, self._trust
        basis = None if authority is None else authority.basis_of(permit.identity)
        chain = b"" if trust is None else find_chain(context.auth_context())

        def recheck() -> Refusal | None:
            if trust is not None and not trust.trusts(chain):
                return UNTRUSTED
            return None if authority is None else _recheck(authority, rpc, permit, basis)

        return recheck

    async def run(self) -> None:
        """End streams that are no longer allowed, for ever."""
        await self._streams.check_regularly()


def _forwarded_identity(authority: "Authority", identity: Identity, metadata: CallMetadata) -> Identity:
    """Return the caller's identity if the peer is a server that passes it on, otherwise the peer's."""
    if metadata.forwarded is None or identity.issuer != CERTIFICATE:
        return identity
    if FORWARD not in authority.rights_of(identity).scopes:
        return identity
    forwarded = read_forwarded(metadata.forwarded)
    if not authority.is_valid(forwarded):
        raise Refused(EXPIRED)
    return forwarded


@contextmanager
def _count_stream(meter: Meter | None) -> Iterator[None]:
    if meter is None:
        yield
        return
    meter.open_stream()
    try:
        yield
    finally:
        meter.close_stream()


def _recheck(authority: "Authority", rpc: str, permit: Permit, basis: object) -> Refusal | None:
    """Return why an open stream must end, None if it may continue. `basis` is that of its identity at its start."""
    if not authority.is_valid(permit.identity) or authority.basis_of(permit.identity) != basis:
        return EXPIRED
    rights = authority.rights_of(permit.identity)
    try:
        is_covered = scope_of_rpc(rights, rpc).covers(permit.scope)
    except Refused as refused:
        return refused.refusal
    return None if is_covered and rights.covers(permit.caller.rights) else CHANGED


class RpcGate(NamedTuple):
    """The gate of one rpc ("service/rpc")."""

    gate: Gate
    rpc: str

    async def admit(self, context: Context, raw: bytes = b"") -> Permit:
        """Return the permit of a call, as `Gate.admit` does."""
        return await self.gate.admit(self.rpc, context, raw)

    def open_stream(self, context: Context, raw: bytes = b"") -> AbstractAsyncContextManager[Permit]:
        """Provide the permit of a stream, as `Gate.open_stream` does."""
        return self.gate.open_stream(self.rpc, context, raw)


IDENTIFY = "The call has no identity; send a token as `authorization: Bearer …`, or connect with a client certificate."
EXPIRED = Refusal(
    ERROR_REASON_UNAUTHENTICATED, "The token or certificate of this stream is no longer valid; continue with a new one."
)
UNTRUSTED = Refusal(
    ERROR_REASON_UNAUTHENTICATED, "The authority of your certificate is no longer trusted; connect with a new one."
)
CHANGED = denied("The policy no longer allows this stream; open it again to get what it allows now.").refusal
