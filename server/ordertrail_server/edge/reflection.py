"""Server reflection in v1 and v1alpha, which have the same messages. With it, callers need no proto files."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context, Gate, RpcGate
from ordertrail_server.edge.rpc_handler import Handler, abort, open_request_stream
from ordertrail_server.edge.validation import COMMAND_BYTES, parse

METHOD = "ServerReflectionInfo"
NAMES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


class Symbols:
    """A descriptor pool that also finds the rpcs of a service by name, which protobuf's own does not."""

    def __init__(self, pool: descriptor_pool.DescriptorPool) -> None:
        self._pool = pool

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 (protobuf's name)
        """Return the file that describes a symbol. Raises KeyError."""
        service, _, rpc = symbol.rpartition(".")
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            return self._pool.FindServiceByName(service).methods_by_name[rpc].containing_service.file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def reflection_handlers(gate: Gate, services: list[str], draining: Draining) -> dict[str, dict[str, Handler]]:
    """Return the handlers of both services, by service and rpc. They describe `services` until draining has begun."""
    pool = Symbols(descriptor_pool.Default())
    servicer = reflection.aio.ReflectionServicer(services, pool)  # type: ignore[attr-defined]  # the stubs leave aio out

    async def write_answers(rpc: RpcGate, requests: AsyncIterator[bytes], context: Context) -> None:
        try:
            async with (
                open_request_stream(rpc, requests, context),
                aclosing(draining.iterate_until_draining(requests)) as open_requests,
            ):
                async for answer in servicer.ServerReflectionInfo(_parse_each(open_requests), context):
                    await context.write(answer.SerializeToString())
        except Exception as error:  # every failure becomes a typed status
            await abort(context, error)

    def handler_of(service: str) -> Handler:
        return grpc.stream_stream_rpc_method_handler(partial(write_answers, gate.rpc(service, METHOD)))

    return {name: {METHOD: handler_of(name)} for name in NAMES}


async def _parse_each(requests: AsyncIterator[bytes]) -> AsyncIterator[ServerReflectionRequest]:
    async for raw in requests:
        yield parse(ServerReflectionRequest, raw, COMMAND_BYTES)
