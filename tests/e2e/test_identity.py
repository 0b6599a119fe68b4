"""A gRPC server that identifies its callers as the edge does: by tokens and certificates that arrive over TLS."""
# ruff: noqa: N802  (the rpcs' names are the contract's)

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from tests.access.identity.issuer import SigningKey, build_config, build_set
from tests.certificates import Authority, Pair
from tests.e2e.refusals import catch_refusal

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import Unauthenticated
from ordertrail.tls import read_credentials
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, GetOrderResponse
from ordertrail.v1.order_history_service_pb2_grpc import (
    OrderHistoryServiceServicer,
    add_OrderHistoryServiceServicer_to_server,
)
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.access.identity.authenticator import Authenticator
from ordertrail_server.access.identity.issuer_config import CertificateConfig
from ordertrail_server.edge.rpc_handler import abort
from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.edge.tls.reloaded_certificates import ReloadedCertificates

KEY = SigningKey()


class Mirror(OrderHistoryServiceServicer):
    """Answers each call with the name of its caller as the order's customer."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def GetOrder(self, request: GetOrderRequest, context: Any) -> GetOrderResponse:
        authorization = dict(context.invocation_metadata()).get("authorization")
        try:
            identity = await self._authenticator.identify(authorization, context.auth_context())
        except Exception as error:
            await abort(context, error)
        return GetOrderResponse(order=Order(order_id=request.order_id, customer_id=identity.name))


class Mutual(NamedTuple):
    """A server with mutual TLS, its authority, and a client's certificate."""

    address: str
    authority: Authority
    client: Pair

    def connect(self, token: str | None = None) -> OrderTrail:
        credentials = read_credentials(self.authority.file, *self.client)
        return connect(self.address, credentials=credentials, token=token)


@pytest.fixture
async def mutual(tmp_path: Path) -> AsyncIterator[Mutual]:
    authority = Authority(tmp_path)
    files = CertificateFiles(*authority.sign("server"), authority.file)
    (tmp_path / "keys.json").write_bytes(build_set(KEY))
    authenticator = Authenticator([build_config(jwks_file=tmp_path / "keys.json")], CertificateConfig())
    server = grpc.aio.server()
    servicer: Any = Mirror  # without most rpcs
    add_OrderHistoryServiceServicer_to_server(servicer(authenticator), server)
    port = server.add_secure_port("127.0.0.1:0", ReloadedCertificates(files).credentials())
    await server.start()
    yield Mutual(f"127.0.0.1:{port}", authority, authority.sign("till-3"))
    await server.stop(None)


async def test_certificate_identifies_the_caller(mutual: Mutual) -> None:
    async with mutual.connect() as orders:
        assert (await orders.get("o-1")).customer_id == "CN=till-3"


async def test_token_identifies_the_caller_of_a_connection_with_a_certificate(mutual: Mutual) -> None:
    async with mutual.connect(KEY.sign()) as orders:
        assert (await orders.get("o-1")).customer_id == "shop-1"


async def test_refused_token_is_unauthenticated_with_a_reason_and_an_action(mutual: Mutual) -> None:
    async with mutual.connect(SigningKey().sign()) as orders:
        with pytest.raises(Unauthenticated, match="signature is not that of its issuer's key"):
            await orders.get("o-1")
        call_refusal = await catch_refusal(orders.history.GetOrder(GetOrderRequest(order_id="o-1")))
    assert (call_refusal.code.name, call_refusal.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
    assert "new token" in call_refusal.metadata["action"]
