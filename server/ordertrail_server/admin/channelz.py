"""What gRPC's core knows about this process's servers and connections (channelz, gRFC A14), as JSON.

The service grpc.channelz.v1 has the same messages. It would need a second gRPC server, which the admin listener is not.
"""

from json import dumps, loads
from typing import Any

from grpc._cython import cygrpc  # the package grpcio-channelz calls the same functions

MAX_SOCKETS = 100
"""The most connections that the page describes, the oldest first."""


def describe_channelz() -> bytes:
    """Return {"server": […], "socket": […], "channel": […]}. Can be called in any thread."""
    servers = loads(cygrpc.channelz_get_servers(0)).get("server", [])
    sockets = [socket for server in servers for socket in _sockets_of(server)]
    channels = loads(cygrpc.channelz_get_top_channels(0)).get("channel", [])
    return dumps({"server": servers, "socket": sockets[:MAX_SOCKETS], "channel": channels}, indent=1).encode()


def _sockets_of(server: dict[str, Any]) -> list[dict[str, Any]]:
    server_id = int(server["ref"]["serverId"])
    references = loads(cygrpc.channelz_get_server_sockets(server_id, 0, MAX_SOCKETS)).get("socketRef", [])
    return [socket for reference in references if (socket := _read_socket(int(reference["socketId"])))]


def _read_socket(socket_id: int) -> dict[str, Any] | None:
    try:
        socket: dict[str, Any] = loads(cygrpc.channelz_get_socket(socket_id))["socket"]
    except ValueError:  # it was closed meanwhile
        return None
    return socket
