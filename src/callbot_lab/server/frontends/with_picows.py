"""picows: frames straight from the event loop, without a task or a queue for each connection.

picows hands on frames; messages are put together here, and what the protocol forbids in them is refused here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from picows import (
    WSAutoPingStrategy,
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSProtocolError,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from ..service import CLOSED, GOODBYE, HANDSHAKE_SECONDS, LOST, Service

NO_CODES = (0, 1006)
"""Codes that no close may carry, and that picows lets pass."""

TEXT = WSMsgType.TEXT
"""Looked up once: to find a member of an enumeration takes a while."""

LAST_CODE = 4999
"""Codes of a close past this one mean nothing."""


class PicowsFrontEnd:
    """Serves the sessions of a service; see FrontEnd."""

    _server: asyncio.Server

    def __init__(self, service: Service) -> None:
        self._service = service
        self._listeners: set[_Listener] = set()

    async def start(self, sock: Any) -> None:
        """See FrontEnd."""
        limits = self._service.settings.limits
        # It reports the faults of clients as errors of its own.
        logging.getLogger("picows").setLevel(logging.CRITICAL)
        self._server = await ws_create_server(
            self._accept,
            sock=sock,
            websocket_handshake_timeout=HANDSHAKE_SECONDS,
            max_frame_size=limits.message_bytes,
            enable_auto_ping=True,
            auto_ping_idle_timeout=limits.ping_interval,
            auto_ping_reply_timeout=min(limits.ping_timeout, limits.ping_interval),
            # Whoever sends is alive: the others are pinged.
            auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=False,
            use_aiofastnet=False,
        )

    async def stop(self, seconds: float) -> None:
        """See FrontEnd."""
        self._server.close()
        open_ones = list(self._listeners)
        for listener in open_ones:
            listener.end(b"the server ends")
        waits = [asyncio.ensure_future(listener.transport.wait_disconnected()) for listener in open_ones]
        if waits:
            await asyncio.wait(waits, timeout=seconds)
        for listener in list(self._listeners):
            listener.transport.disconnect(graceful=False)
        await asyncio.sleep(0)

    def transports(self) -> Iterable[asyncio.WriteTransport]:
        """See FrontEnd."""
        return (listener.transport.underlying_transport for listener in self._listeners)

    def _accept(self, request: WSUpgradeRequest) -> Any:
        path, _, query = request.path.decode("latin-1").partition("?")
        if (found := self._service.page(path)) is not None:
            body = json.dumps(found).encode("ascii")
            return _only(WSUpgradeResponse.create_ok_response(body, {"Content-Type": "application/json"}))
        if refusal := self._service.refusal(path):
            status, reason = refusal
            return _only(WSUpgradeResponse.create_error_response(HTTPStatus(status), f"{reason}\n".encode()))
        listener = _Listener if self._service.hub.ingest is None else _WholeListener
        return listener(self._service, self._listeners, path, query)


def _only(response: WSUpgradeResponse) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(response, None)


class _Listener(WSListener):
    """One connection."""

    __slots__ = (
        "_deaf", "_limit", "_others", "_part_bytes", "_parts", "_path", "_paused", "_query", "_service",
        "_session", "_why", "transport",
    )  # fmt: skip
    transport: WSTransport

    def __init__(self, service: Service, others: set[_Listener], path: str, query: str) -> None:
        super().__init__()
        self._service, self._others, self._path, self._query = service, others, path, query
        self._limit = service.settings.limits.message_bytes
        self._parts: list[bytes] = []
        self._part_bytes = 0
        self._paused = self._deaf = False
        self._why = LOST

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self._others.add(self)
        self._session = self._service.session(self._path, self._query, self._send)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if transport.is_close_frame_sent:
            self._on_late(frame)
            return
        try:
            self._take(frame)
        except WSProtocolError:
            self._deaf = True
            raise

    def end(self, reason: bytes) -> None:
        """Begin to close the connection from this side."""
        self._deaf = True
        self.transport.send_close(WSCloseCode.GOING_AWAY, reason)

    def _on_late(self, frame: WSFrame) -> None:
        """A frame that comes when a close was sent: as a rule it counts no more.

        picows looks one frame ahead. When that one is forbidden, it sends the close first, and only then hands on the
        frame before it, which is as good as any. A frame that was forbidden for its length comes in the end too.
        """
        if frame.msg_type == WSMsgType.CLOSE:
            self.transport.disconnect()
        elif not self._deaf:
            self._deaf = True
            # There was more behind the one before. Whatever it would send is not sent any more.
            if frame.tail_size and frame.payload_size <= self._limit:
                self._take(frame)

    def _take(self, frame: WSFrame) -> None:
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "reserved bits are set")
        if frame.msg_type is TEXT and frame.fin and not self._parts:
            text = _text(frame.get_payload_as_bytes())
            if self._session.ingests:
                self._session.parse(text)
            else:
                self._session.text(text)
        else:
            self._on_other(frame)

    def _on_other(self, frame: WSFrame) -> None:
        """Everything but a whole text message in one frame."""
        match frame.msg_type:
            case WSMsgType.PING:
                if not self._paused:
                    self.transport.send_pong(frame.get_payload_as_bytes())
            case WSMsgType.CLOSE:
                self._on_close(frame)
            case WSMsgType.BINARY if not self._parts:
                self._why = "binary message"
                raise WSProtocolError(WSCloseCode.UNSUPPORTED_DATA, "audio comes as text")
            case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.CONTINUATION:
                if (frame.msg_type == WSMsgType.CONTINUATION) is not bool(self._parts):
                    raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "messages are mixed up")
                self._on_part(frame)

    def _on_close(self, frame: WSFrame) -> None:
        # A close without a code is none with code 0, so it cannot be answered in kind: picows always sends a code.
        # It gives a code that it has no name for as a number, which its types do not say.
        code: Any = frame.get_close_code() if frame.payload_size else WSCloseCode.OK
        if code in NO_CODES or code > LAST_CODE:
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, f"no close may have the code {int(code)}")
        self._why = CLOSED if code in GOODBYE else LOST
        self._deaf = True
        self.transport.send_close(code)
        self.transport.disconnect()

    def _on_part(self, frame: WSFrame) -> None:
        # An empty part counts like a byte, so that parts without end do not pass for nothing.
        self._part_bytes += max(1, frame.payload_size)
        if self._part_bytes > self._limit:
            raise WSProtocolError(WSCloseCode.MESSAGE_TOO_BIG, f"a message has at most {self._limit} bytes")
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._part_bytes = 0
            self._session.text(_text(whole))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._others.discard(self)
        self._service.leave(self._session, self._why)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False

    def _send(self, text: str) -> None:
        if self._paused or self.transport.is_close_frame_sent:
            self._service.lost_replies += 1
        else:
            self.transport.send(WSMsgType.TEXT, text.encode())


class _WholeListener(_Listener):
    """One connection of a server whose implementation takes whole messages."""

    __slots__ = ()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        # Most frames, in one go: a whole text message, nothing odd about it, that the implementation takes.
        if (
            frame.msg_type is TEXT
            and frame.fin
            and not (frame.rsv1 or frame.rsv2 or frame.rsv3 or self._parts or transport.is_close_frame_sent)
            and self._session.ingest(frame.get_payload_as_memoryview())
        ):
            return
        super().on_ws_frame(transport, frame)


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise WSProtocolError(WSCloseCode.INVALID_TEXT, "this text is no UTF-8") from None
