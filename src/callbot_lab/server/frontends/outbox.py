"""Replies of a session on their way out, for front ends that send by awaiting."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from ..service import Service

MOST_REPLIES = 64
"""Replies that wait for a client which does not read; further ones are dropped and counted."""


class Outbox:
    """Sends replies in order. There is a task only while there is something to send."""

    def __init__(self, service: Service, send: Callable[[str], Awaitable[None]], gone: type[Exception]) -> None:
        self._service, self._send, self._gone = service, send, gone
        self._waiting: deque[str] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, text: str) -> None:
        """Send a reply as soon as the client takes it."""
        if len(self._waiting) >= MOST_REPLIES:
            self._service.lost_replies += 1
            return
        self._waiting.append(text)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def close(self) -> None:
        """Forget what waits: the connection is gone."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._send(self._waiting[0])
                self._waiting.popleft()
        except self._gone:
            self._service.lost_replies += len(self._waiting)
            self._waiting.clear()
        finally:
            self._task = None
