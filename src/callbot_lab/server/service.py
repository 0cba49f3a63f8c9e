"""What every front end serves: sessions for its connections, and what is known of the server as JSON."""

from __future__ import annotations

import asyncio
import os
import resource
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, Protocol
from urllib.parse import parse_qs

from .. import registry
from ..errors import LabError
from .calls import Calls
from .formats import FORMATS
from .parsers import FALLBACK, INGEST, parser_named
from .recorder import SPARE_FILES, Recorder
from .session import Session
from .settings import Settings

MOST_UNSENT = 256 * 1024
"""Bytes that a client may leave unread before its connection is cut."""

WATCH_SECONDS = 1.0
"""Between looks at what clients leave unread."""

CLOSED, LOST = "connection closed", "connection lost"
"""Why calls end whose connection does: the client said goodbye, or it did not."""

GOODBYE = (1000, 1001)
"""Codes with which a client closes in good order. A close without any is in order too, where it can be told."""

HANDSHAKE_SECONDS = 5.0
"""In which a client has to ask for something; whoever just takes up a descriptor is cut."""

SOCKETS = "/ws/"
"""Path before the name of a format."""


class FrontEnd(Protocol):
    """A way to take connections; `callbot_lab.server.frontends` has them by name."""

    async def start(self, sock: Any) -> None:
        """Take connections on a listening socket."""

    async def stop(self, seconds: float) -> None:
        """Take no more connections, and close those that there are within so many seconds."""

    def transports(self) -> Iterable[asyncio.WriteTransport]:
        """The transports of all connections."""


class Service:
    """A server without its front end. To be made in a running event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._parser = parser_named(FALLBACK if settings.parser == INGEST else settings.parser)
        self._implementation = implementation_named(settings.implementation, decode_only=settings.decode_only)
        most_files = raise_file_limit()
        self.recorder = Recorder(settings.recordings, settings.kept, most_files)
        self.most_connections = most_files - self.recorder.most_open - SPARE_FILES
        self.hub = Calls(self._implementation.subject, settings, self.recorder)
        self.connections = 0
        self.cut_connections = self.lost_replies = 0
        self.started = time.time()

    def session(self, path: str, query: str, send: Callable[[str], None]) -> Session:
        """A session for a connection that was accepted; it has to be told when that is lost (`leave`)."""
        self.connections += 1
        bound = parse_qs(query).get("call_id", [""])[0] or f"call-{uuid.uuid4().hex[:16]}"
        form = FORMATS[path.removeprefix(SOCKETS)]
        return Session(self.hub, form, self._parser, self.settings.stage, send, bound)

    @property
    def parser(self) -> str:
        """What reads messages: INGEST, or a parser."""
        return INGEST if self.hub.ingest is not None else self._parser.name

    def leave(self, session: Session, why: str) -> None:
        """A connection is gone."""
        self.connections -= 1
        session.lost(why)

    def refusal(self, path: str) -> tuple[int, str] | None:
        """HTTP status and text for a WebSocket that is not to be opened; None if it may be."""
        if not path.startswith(SOCKETS) or path.removeprefix(SOCKETS) not in FORMATS:
            return 404, f"no such path; there are {', '.join(SOCKETS + name for name in FORMATS)}, /health and /calls"
        if self.connections >= self.most_connections:
            return 503, f"the server has its {self.most_connections} connections"
        return None

    def page(self, path: str) -> dict[str, Any] | None:
        """What is to be read at a path, as plain data; None if there is nothing."""
        return {"/health": self.health, "/calls": self.calls}.get(path, lambda: None)()

    def health(self) -> dict[str, Any]:
        """What the server is, how it does, and its counters."""
        hub, recorder, settings = self.hub, self.recorder, self.settings
        hub.settle_all()
        return {
            "status": "degraded" if recorder.failing or hub.full else "ok",
            "pid": os.getpid(),
            "server": settings.server,
            "parser": self.parser,
            "implementation": settings.implementation,
            "build": dict(self._implementation.build),
            "stage": settings.stage,
            "recordings": str(settings.recordings.resolve()),
            "stamps": settings.stamps,
            "decode_only": settings.decode_only,
            "journal": settings.journal,
            "kept": settings.kept,
            "uptime_seconds": time.time() - self.started,
            "tasks": len(asyncio.all_tasks()),
            "connections": {"open": self.connections, "most": self.most_connections, "cut": self.cut_connections},
            "calls": {"open": len(hub.open_calls), "ended": hub.ended_calls, "refused": hub.refused_calls},
            "messages": {
                "all": hub.messages,
                "parsed": hub.parsed,
                "refused": hub.refused,
                "without_audio": hub.others,
            },
            "lost_replies": self.lost_replies,
            "bytes": {"held": hub.held, "unwritten": recorder.pending_bytes},
            "saving": recorder.unfinished,
            "unwritable": recorder.failing,
            "last_fault": recorder.last_fault,
            "limits": asdict(settings.limits),
        }

    def calls(self) -> dict[str, Any]:
        """The open calls, and the last that ended."""
        self.hub.settle_all()
        return {
            "open": [call.as_data() for call in self.hub.open_calls.values()],
            "ended": list(self.hub.recent),
        }

    async def watch(self, front: FrontEnd) -> None:
        """Cut the connections of clients that do not read what they are sent, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for transport in list(front.transports()):
                if transport.get_write_buffer_size() > MOST_UNSENT:
                    self.cut_connections += 1
                    transport.abort()

    async def close(self, seconds: float) -> list[str]:
        """Finish all recordings within so many seconds; the ids of the calls of which that was not possible."""
        hub = self.hub
        for call in list(hub.open_calls.values()):
            hub.end(call, "server stopped", lambda note: None)
        self.recorder.close()
        # Not joined, not even in another thread: a disk that hangs must not keep the process from ending.
        deadline = time.monotonic() + seconds
        while self.recorder.working and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        # The last recordings come back to this loop before it ends.
        await asyncio.sleep(0)
        return self.recorder.unsaved()


def implementation_named(name: str, *, decode_only: bool = False) -> registry.Loaded:
    """An implementation that a server can be run with; LabError with the reason if there is none of that name."""
    found = registry.load_all([name])[0]
    if found.status is not registry.Status.READY:
        raise LabError(f"{name} cannot be used ({found.status}): {found.reason}")
    if not decode_only and (found.kind != "implementation" or found.contract == "decode"):
        raise LabError(f"{name} offers decode only; a server needs an AudioProcessor (or --decode-only)")
    return found


def raise_file_limit() -> int:
    """Let this process open as many files as it may; how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 2**20
