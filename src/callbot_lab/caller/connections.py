"""One connection of the caller: a non-blocking socket, and the Sans-I/O side of `websockets` for all but the audio.

The audio's frames go to the socket as they are. `websockets` does the handshake and reads whatever the server sends:
its replies, its pings, and its goodbye.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import State as WebSocketState
from websockets.uri import WebSocketURI

RECEIVE_BYTES = 1 << 16

MOST_WAITING = 8 * 2**20
"""Bytes that may wait for a server which does not read, before its connection is given up."""

Send = Callable[[bytes], int]

Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""Address family, and what `connect` wants."""


class State(Enum):
    """What a connection is good for."""

    CONNECTING = auto()
    SHAKING_HANDS = auto()
    OPEN = auto()
    SILENT = auto()
    """Left open without sending, reading or answering: what a peer sees whose client has lost its network."""
    CLOSING = auto()
    GONE = auto()


class Owner(Protocol):
    """What a connection tells of itself; see Switchboard."""

    def watch(self, connection: Connection, events: int) -> None:
        """Change what is watched on its descriptor."""

    def forget(self, connection: Connection) -> None:
        """Its descriptor is about to be closed."""

    def sends_by(self, connection: Connection, send: Send) -> None:
        """Its frames go this way from now on."""

    def waits(self, connection: Connection, *, waiting: bool) -> None:
        """Whether something waits until it can be written."""

    def opened(self, connection: Connection) -> None:
        """The handshake is done."""

    def heard(self, connection: Connection, text: str) -> None:
        """The server sent a message."""

    def ended(self, connection: Connection, reason: str) -> None:
        """The connection is of no more use; `reason` is empty if the caller wanted that."""


def refuse(_frame: bytes) -> int:
    """What frames of a connection that is of no use are sent by: -1."""
    return -1


class Connection:
    """A connection, by its number among those of its owner."""

    __slots__ = (
        "_events", "_half_close", "_owner", "_parts", "_protocol", "_waiting", "_waiting_bytes", "number", "path",
        "sock", "state",
    )  # fmt: skip

    def __init__(self, number: int, path: str, host: str, port: int, owner: Owner) -> None:
        self.number, self.path, self._owner = number, path, owner
        self.state = State.CONNECTING
        place, _, query = path.partition("?")
        # No limit for messages of a server that is ours to test, and no compression: nothing is gained for base64.
        self._protocol = ClientProtocol(WebSocketURI(False, host, port, place, query), max_size=None)
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._parts: list[bytes] = []
        self._half_close = False
        self._events = 0
        self.sock: socket.socket

    def connect(self, address: Address) -> str:
        """Begin to connect; what is wrong, if that is known at once."""
        family, name = address
        try:
            self.sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self.state = State.GONE
            return _reason(error)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_CONGESTION"):
            # Calls stay far below what any line carries, and BBR, where it is the system's choice, would set a timer
            # for every message.
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
        code = self.sock.connect_ex(name)
        if code not in (0, errno.EINPROGRESS):
            self.sock.close()
            self.state = State.GONE
            return os.strerror(code)
        self._watch(select.EPOLLOUT)
        return ""

    def on_events(self, events: int) -> None:
        """Do what the descriptor is ready for."""
        if self.state is State.CONNECTING:
            if code := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._end(os.strerror(code))
                return
            self.state = State.SHAKING_HANDS
            self._watch(select.EPOLLIN)
            self._protocol.send_request(self._protocol.connect())
            self._write_own()
            return
        if events & ~select.EPOLLOUT:
            if self.state is State.SILENT:
                # Nothing is read here, so this can only be that the server gave it up.
                self._end("")
                return
            self._receive()
        if events & select.EPOLLOUT and self.state is not State.GONE:
            self._flush()

    def write(self, frame: bytes) -> bool:
        """Send a frame, now or as soon as it can be; whether the connection is open."""
        if self.state is not State.OPEN:
            return False
        self._write(frame)
        return True

    def keep(self, rest: bytes) -> None:
        """Send later what the socket did not take, in front of everything that follows."""
        if self._queue(rest) < 0:
            return
        self._sends_by(self._queue)
        self._owner.waits(self, waiting=True)
        self._watch(self._events | select.EPOLLOUT)

    def lose(self, error: OSError) -> None:
        """The socket said that there is nobody at its other end."""
        self._end(_reason(error))

    def give_up(self, reason: str) -> None:
        """End it for a reason that the caller found."""
        if self.state is not State.GONE:
            self._end(reason)

    def silence(self) -> None:
        """Go silent for good, once all that was handed over is on its way."""
        if self.state is State.OPEN:
            self.state = State.SILENT
            self._sends_by(refuse)
            self._watch(select.EPOLLOUT if self._waiting else 0)

    def reset(self, frame: bytes) -> None:
        """Send half of a frame, if it is not empty, and reset the connection (RST)."""
        if self.state is not State.OPEN:
            return
        if frame and not self._waiting:
            with contextlib.suppress(OSError):
                self.sock.send(frame[: len(frame) // 2])
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end("")

    def close(self) -> None:
        """Say goodbye; a silent one, which cannot, just ends."""
        if self.state is State.OPEN:
            self.state = State.CLOSING
            self._sends_by(refuse)
            self._protocol.send_close(1000)
            self._write_own()
        elif self.state is State.SILENT:
            self.state = State.CLOSING
            self._half_close = True
            # Before anything is read: a server gets all that was sent, and then the end of the stream.
            self._flush()
            self._watch(self._events | select.EPOLLIN)

    # Writing.

    def _write(self, data: bytes) -> None:
        if self._waiting:
            self._queue(data)
            return
        try:
            count = self.sock.send(data)
        except BlockingIOError:
            count = 0
        except OSError as error:
            self.lose(error)
            return
        if count < len(data):
            self.keep(data[count:])

    def _write_own(self) -> None:
        """Write what `websockets` has to say; its empty bytes mean the end of the stream."""
        for data in self._protocol.data_to_send():
            if data:
                self._write(data)
            else:
                self._half_close = True
        if self._half_close and not self._waiting and self.state is not State.GONE:
            self._shut()

    def _queue(self, data: bytes) -> int:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MOST_WAITING and self.state is State.OPEN:
            self._end("the server does not read")
            return -1
        return len(data)

    def _flush(self) -> None:
        while self._waiting:
            data = self._waiting[0]
            try:
                count = self.sock.send(data)
            except BlockingIOError:
                return
            except OSError as error:
                self.lose(error)
                return
            self._waiting_bytes -= count
            if count < len(data):
                self._waiting[0] = data[count:]
                return
            self._waiting.popleft()
        self._owner.waits(self, waiting=False)
        self._watch(self._events & ~select.EPOLLOUT)
        if self.state is State.OPEN:
            self._sends_by(self.sock.send)
        if self._half_close:
            self._shut()

    def _shut(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.lose(error)

    # Reading.

    def _receive(self) -> None:
        try:
            data = self.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(error)
            return
        if self._half_close:
            if not data:
                self._end("")
            return
        protocol = self._protocol
        if data:
            protocol.receive_data(data)
        else:
            protocol.receive_eof()
        self._write_own()
        for event in protocol.events_received():
            if isinstance(event, Frame):
                self._on_frame(event)
            elif self.state is State.SHAKING_HANDS and protocol.state is WebSocketState.OPEN:
                self.state = State.OPEN
                self._sends_by(self.sock.send)
                self._owner.opened(self)
        if self.state is State.GONE:
            return
        if protocol.handshake_exc is not None:
            self._end(_refusal(protocol.handshake_exc))
        elif not data:
            self._end("the server ended it without a goodbye")
        elif self.state is State.OPEN and protocol.state is not WebSocketState.OPEN:
            self._end(self._why())

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                text = b"".join(self._parts).decode("utf-8", "replace")
                self._parts.clear()
                self._owner.heard(self, text)

    def _why(self) -> str:
        """Why `websockets` counts the connection as closed."""
        if (received := self._protocol.close_rcvd) is not None:
            return f"the server closed it with {received}"
        return f"the server broke the protocol: {self._protocol.parser_exc}"

    # State.

    def _sends_by(self, send: Send) -> None:
        """Whole frames go this way from now on."""
        self._owner.sends_by(self, send)

    def _watch(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._owner.watch(self, events)

    def _end(self, reason: str) -> None:
        # Whichever way the server ends what the caller is ending, that is what was wanted.
        wanted = self.state is State.CLOSING
        self.state = State.GONE
        self._waiting.clear()
        self._owner.waits(self, waiting=False)
        self._sends_by(refuse)
        self._owner.forget(self)
        self.sock.close()
        self._owner.ended(self, "" if wanted else reason)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _refusal(error: Exception) -> str:
    """What a server said that opens no WebSocket."""
    if not isinstance(error, InvalidStatus):
        return f"it answers with no WebSocket handshake ({error})"
    lines = error.response.body.decode("utf-8", "replace").splitlines() if error.response.body else []
    return f"it answers {error.response.status_code} {lines[0] if lines else error.response.reason_phrase}".rstrip()
