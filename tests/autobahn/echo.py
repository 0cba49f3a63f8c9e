"""A front end of the servers that sends every text back: what a conformance suite for WebSockets talks to."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import uvloop

from callbot_lab.server.frontends import front_end_named
from callbot_lab.server.run import listen
from callbot_lab.server.service import Service
from callbot_lab.server.session import Session
from callbot_lab.server.settings import Limits, Settings

LIMITS = Limits(message_bytes=32 * 2**20, ping_interval=3600, ping_timeout=3600)
"""Room for the suite's longest message, of 16 MiB; and no ping of ours between what it counts."""


class Echo(Service):
    """A service whose sessions take no message for anything but a text."""

    def session(self, path: str, query: str, send: Callable[[str], None]) -> Session:
        """See Service."""
        found = super().session(path, query, send)
        found.text = send
        return found


async def serve(front_end: str) -> None:
    """Serve on a free port of this machine, which is printed, until SIGTERM.

    What cuts a client that leaves much unread is not at work: an echo of 16 MiB looks like that.
    """
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings("python", Path(folder), port=0, server=front_end, parser="json", limits=LIMITS)
        sock = listen(settings)
        service = Echo(settings)
        await front_end_named(front_end)(service).start(sock)
        print(sock.getsockname()[1], flush=True)
        await told.wait()
        await service.close(1)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1]))
