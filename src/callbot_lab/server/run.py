"""Runs a server until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvloop

from ..errors import LabError
from .frontends import front_end_named
from .service import Service
from .settings import Settings

BACKLOG = 4096


def run(settings: Settings, say: Callable[[str], None]) -> int:
    """Serve until SIGTERM or SIGINT; the exit status: 0 if every call was saved, else 1.

    `say` gets lines for whoever watches. LabError if the server cannot be started.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, say))


async def _serve(settings: Settings, say: Callable[[str], None]) -> int:
    make = front_end_named(settings.server)
    # First the port: it is what two servers most often want both.
    sock = listen(settings)
    try:
        service = Service(settings)
    except LabError:
        sock.close()
        raise
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[float] = loop.create_future()

    def tell() -> None:
        if not ended.done():
            ended.set_result(loop.time())

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    front = make(service)
    await front.start(sock)
    # What was imported stays; the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    address, port = sock.getsockname()[:2]
    say(
        f"{settings.implementation} on {settings.server} with {service.parser}, at ws://{address}:{port}/ws/callbot "
        f"(twilio, openai); recordings in {settings.recordings}"
    )
    chores = [asyncio.create_task(service.hub.run()), asyncio.create_task(service.watch(front))]
    waited: list[asyncio.Future[Any]] = [ended, *chores]
    done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    for chore in chores:
        if chore in done:
            say(f"the server ends because of a fault of its own: {chore.exception()!r}")
        chore.cancel()
    open_calls = len(service.hub.open_calls)
    say(f"ending: {open_calls} calls are open, {service.recorder.unfinished} are being saved")
    # From when it was told: in a flood it takes a while to get here.
    deadline = (ended.result() if ended in done else loop.time()) + settings.limits.grace
    await front.stop(max(0.1, deadline - settings.limits.grace / 2 - loop.time()))
    unsaved = await service.close(max(0.1, deadline - loop.time()))
    for call_id in unsaved:
        # An id may hold anything, and a line is a line.
        say(
            f"not saved: {ascii(call_id)[1:-1]}; callbot-lab recover {settings.recordings} saves what is in its journal"
        )
    with contextlib.suppress(OSError):
        sock.close()
    for number in (signal.SIGTERM, signal.SIGINT):
        # All is done: to be told once more must not change the status.
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    return 1 if unsaved or ended not in done else 0


def listen(settings: Settings) -> socket.socket:
    """A listening socket; LabError if the address is not to be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # A client that takes nothing is given up by the kernel too, or its descriptor would linger after a close.
            limits = settings.limits
            timeout = int(1000 * (limits.ping_interval + limits.ping_timeout))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout)
        sock.bind((settings.host, settings.port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except (OSError, OverflowError) as error:
        sock.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise LabError(f"cannot listen on {settings.host}:{settings.port}: {reason}") from None
    return sock
