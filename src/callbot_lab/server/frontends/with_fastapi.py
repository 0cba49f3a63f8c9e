"""FastAPI on uvicorn with uvloop and `websockets`: the framework that the seed report names."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket
from fastapi.responses import PlainTextResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from ..service import CLOSED, GOODBYE, HANDSHAKE_SECONDS, LOST, Service
from .outbox import Outbox


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Http(H11Protocol):
    """Cuts who asks for nothing: uvicorn would wait for the first request without end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(HANDSHAKE_SECONDS, self._look)

    def _look(self) -> None:
        if self.scope is None:
            self.transport.abort()


class _WebSocket(WebSocketsSansIOProtocol):
    """Bounds the number of a message's parts too: empty ones would pass for nothing."""

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < self.config.ws_max_size:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG)
            self.handle_parser_exception()


class FastAPIFrontEnd:
    """Serves the sessions of a service; see FrontEnd."""

    def __init__(self, service: Service) -> None:
        self._service = service
        limits = service.settings.limits
        self._server = _Server(
            uvicorn.Config(
                application(service),
                http=_Http,
                ws=_WebSocket,
                ws_max_size=limits.message_bytes,
                ws_ping_interval=limits.ping_interval,
                ws_ping_timeout=limits.ping_timeout,
                # Base64 of speech hardly shrinks, and none of the services compresses.
                ws_per_message_deflate=False,
                lifespan="off",
                log_level="error",
                access_log=False,
                timeout_graceful_shutdown=max(1, int(limits.grace / 2)),
            )
        )

    async def start(self, sock: Any) -> None:
        """See FrontEnd."""
        self._task = asyncio.create_task(self._server.serve([sock]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("uvicorn ended before it had started")
            await asyncio.sleep(0.01)

    async def stop(self, seconds: float) -> None:
        """See FrontEnd."""
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=seconds)

    def transports(self) -> Iterable[asyncio.WriteTransport]:
        """See FrontEnd."""
        return (connection.transport for connection in self._server.server_state.connections if connection.transport)


def application(service: Service) -> FastAPI:
    """The routes of a service."""
    app = FastAPI(title="callbot", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    async def health() -> Response:
        return _page(service.health())

    @app.get("/calls")
    async def calls() -> Response:
        return _page(service.calls())

    @app.websocket("/{path:path}")
    async def speak(websocket: WebSocket) -> None:
        path = websocket.url.path
        if refusal := service.refusal(path):
            status, reason = refusal
            await websocket.send_denial_response(PlainTextResponse(f"{reason}\n", status))
            return
        await websocket.accept()
        # Starlette says that a client is gone with one error or the other.
        outbox = Outbox(service, websocket.send_text, Exception)
        session = service.session(path, websocket.url.query, outbox.put)
        why = LOST
        try:
            while True:
                event = await websocket.receive()
                if event["type"] == "websocket.disconnect":
                    # uvicorn gives a close without a code and a connection that just ends the same code: both are lost.
                    why = CLOSED if event.get("code") in GOODBYE else LOST
                    return
                text = event.get("text")
                if text is None:
                    why = "binary message"
                    await websocket.close(CloseCode.UNSUPPORTED_DATA, "audio comes as text")
                    return
                session.text(text)
        except asyncio.CancelledError:
            why = "server stopped"
        finally:
            service.leave(session, why)
            outbox.close()

    return app


def _page(found: dict[str, Any]) -> Response:
    # FastAPI's own JSON is not escaped, and UTF-8 has nothing for half a surrogate pair, which an id may hold.
    return Response(json.dumps(found), media_type="application/json")
