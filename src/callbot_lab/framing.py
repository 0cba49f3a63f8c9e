"""WebSocket framing without a network: a connection as a server sees it, already open and kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from picows import WSAutoPingStrategy, WSListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in its stubs
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: callbot\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

_BUFFER = 2**16
"""Bytes that a connection reads at once, as picows has it by default."""


def python_framing() -> tuple[Callable[[bytes], None], Callable[[], list[Any]]]:
    """The protocol of websockets: a function that takes what comes in, and one that gives the frames since."""
    protocol = ServerProtocol(state=OPEN, max_size=None)
    return protocol.receive_data, protocol.events_received


def native_framing(
    on_frame: Callable[[Any, Any, Any], None],
) -> tuple[Callable[[int], memoryview], Callable[[int], None]]:
    """The protocol of picows, which calls `on_frame(listener, transport, frame)` for every frame.

    Two functions as event loops call them: the memory to receive into, and how many bytes were put there. What
    `on_frame` raises is passed over, so that it has to be seen by what is missing.
    """

    async def connect() -> Any:
        listener = type("Listener", (WSListener,), {"on_ws_frame": on_frame})
        silent = logging.Logger("framing", logging.CRITICAL + 1)
        # Positional, since it is only called by picows itself: no peer, no path, a server, no disconnect on errors,
        # no time-out of the handshake, no pings and pongs, frames up to a size, no headers, the size of its buffer.
        return WSProtocol(
            None, None, False, lambda request: listener(), silent, False, None, False, None, None,
            WSAutoPingStrategy.PING_WHEN_IDLE, False, _BUFFER, None, _BUFFER,
        )  # fmt: skip

    protocol = asyncio.run(connect())
    protocol.connection_made(_NoTransport())
    room, updated = protocol.get_buffer, protocol.buffer_updated
    room(-1)[: len(_HANDSHAKE)] = _HANDSHAKE
    updated(len(_HANDSHAKE))
    return room, updated


class _NoSocket:
    """What picows asks of the socket when a connection is made."""

    def fileno(self) -> int:
        """There is none, so nothing is ever sent past the transport."""
        return -1

    def setsockopt(self, *option: int) -> None:
        """Nothing to set."""

    def getsockopt(self, *option: int) -> int:
        """Nothing to tell."""
        return 0


class _NoTransport(asyncio.Transport):
    """Leads nowhere: the answer to the handshake is dropped."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """A socket, and nothing else."""
        return _NoSocket() if name == "socket" else default

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def write(self, data: Any) -> None:
        """Drop it."""
