"""The admin listener: pages over HTTP for operators and their tools."""

import logging
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6, socket
from socketserver import TCPServer
from threading import Thread
from typing import Any, NamedTuple

from ordertrail_server.admin.open_connections import OpenConnections
from ordertrail_server.edge.address import Address

_log = logging.getLogger(__name__)

SECONDS = 10.0
"""How long a connection may last: its request and the answer."""

MAX_CONNECTIONS = 16
"""The most connections at a time. Each has a thread. Further ones are closed at once."""


class Page(NamedTuple):
    """An answer: its HTTP status, its media type and its content."""

    status: int
    media_type: str
    content: bytes


class AdminListener:
    """Answers GET with the page of a path, in threads of its own: it answers even if the event loop does not.

    `page_of` returns None for an unknown path. A connection may last `seconds`. Raises OSError with the reason if the
    address cannot be used.
    """

    def __init__(self, address: Address, page_of: Callable[[str], Page | None], seconds: float = SECONDS) -> None:
        members = {
            "address_family": AF_INET6 if ":" in address.host else AF_INET,
            "page_of": staticmethod(page_of),
            "connections": OpenConnections(MAX_CONNECTIONS, seconds),
        }
        kind = type("Server", (_Server,), members)
        try:
            self._server: ThreadingHTTPServer = kind((address.host, address.port), _Request)
        except OSError as error:
            raise OSError(f"cannot listen on the admin address {address}: {error.strerror}") from error
        self.address = address.with_port(self._server.server_address[1])
        self._thread = Thread(target=self._server.serve_forever, name="admin", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, without waiting for callers. Blocks for up to half a second."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    block_on_close = False
    page_of: Callable[[str], Page | None]
    connections: OpenConnections

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether a new connection may stay open."""
        connection: socket = request
        return self.connections.add(connection)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection at its end."""
        self.connections.remove(request)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End connections that last too long. Called twice a second."""
        self.connections.end_expired()

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer would ask the name service for its own name

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a caller of the admin listener disconnected", exc_info=True)


class _Request(BaseHTTPRequestHandler):
    timeout = SECONDS
    server_version, sys_version = "ordertrail", ""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        page = server.page_of(self.path.partition("?")[0]) or Page(404, "text/plain", b"no such page\n")
        self.send_response(page.status)
        self.send_header("Content-Type", page.media_type)
        self.send_header("Content-Length", str(len(page.content)))
        self.end_headers()
        self.wfile.write(page.content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: probes come every few seconds."""
