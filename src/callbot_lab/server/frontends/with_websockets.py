"""The `websockets` library without a framework."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from ..service import CLOSED, HANDSHAKE_SECONDS, LOST, Service
from .outbox import Outbox


class WebsocketsFrontEnd:
    """Serves the sessions of a service; see FrontEnd."""

    _server: Server

    def __init__(self, service: Service) -> None:
        self._service = service

    async def start(self, sock: Any) -> None:
        """See FrontEnd."""
        limits = self._service.settings.limits
        self._server = await serve(
            self._speak,
            sock=sock,
            process_request=self._page,
            compression=None,
            max_size=limits.message_bytes,
            open_timeout=HANDSHAKE_SECONDS,
            ping_interval=limits.ping_interval,
            ping_timeout=limits.ping_timeout,
            # Who answers no close is no better than who answers no ping; and a server that ends waits no longer.
            close_timeout=min(limits.grace / 4, limits.ping_timeout),
            server_header=None,
        )

    async def stop(self, seconds: float) -> None:
        """See FrontEnd."""
        self._server.close()
        await asyncio.wait([asyncio.ensure_future(self._server.wait_closed())], timeout=seconds)

    def transports(self) -> Iterable[asyncio.WriteTransport]:
        """See FrontEnd."""
        return (connection.transport for connection in self._server.all_connections)

    def _page(self, connection: ServerConnection, request: Request) -> Response | None:
        path, _, _ = request.path.partition("?")
        if (found := self._service.page(path)) is not None:
            response = connection.respond(HTTPStatus.OK, json.dumps(found))
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "application/json"
            return response
        if refusal := self._service.refusal(path):
            return connection.respond(refusal[0], f"{refusal[1]}\n")
        return None

    async def _speak(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        outbox = Outbox(self._service, connection.send, ConnectionClosed)
        path, _, query = connection.request.path.partition("?")
        session = self._service.session(path, query, outbox.put)
        why = CLOSED
        try:
            async for message in connection:
                if not isinstance(message, str):
                    why = "binary message"
                    await connection.close(CloseCode.UNSUPPORTED_DATA, "audio comes as text")
                    return
                session.text(message)
        except ConnectionClosed:
            why = LOST
        finally:
            self._service.leave(session, why)
            outbox.close()
