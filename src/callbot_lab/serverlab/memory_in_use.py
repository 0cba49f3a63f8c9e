"""Memory as it is on a machine that has run for days: full of cached files, not free.

A page that nobody used since the machine was started may cost far more than one that is taken from a cached file: the
host of a virtual machine has to find it first, and takes it back when it lies free. A server that stores thousands of
calls a minute takes a million pages; what the host needs for them is no part of what the server does. So before a
load the free memory is filled with the cache of a file that has no content, which the system gives up again at once.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from ..errors import LabError

LEFT = 384 * 2**20
"""Bytes of free memory at which it counts as used: the system keeps some by itself."""

STEP = 64 * 2**20
"""Bytes that are read between two looks at what is free."""

TOLD_EVERY = 2**30
"""Bytes between two words about how far it is."""

IDLE_STEPS = 32
"""Steps in a row without less free memory after which reading on is no use."""


def free_memory() -> int:
    """Bytes that nobody uses, not even for a cache."""
    return int(psutil.virtual_memory().free)


class MemoryInUse:
    """Fills what is free with a file's cache; the file lies in `folder`, has holes only and goes with the object."""

    def __init__(self, folder: Path) -> None:
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it lives as long as the object
        except OSError as error:
            raise LabError(f"cannot make a file in {folder}: {error.strerror}") from None
        self._place = 0
        self._into = bytearray(2**20)

    def fill(self, doing: Callable[[str], None]) -> int:
        """Fill it; how many bytes are free then. `doing` is told now and then how far it is."""
        free = told = free_memory()
        idle = 0
        while free > LEFT and idle < IDLE_STEPS:
            self._file.truncate(self._place + STEP)
            for place in range(self._place, self._place + STEP, len(self._into)):
                os.preadv(self._file.fileno(), [self._into], place)
            self._place += STEP
            least, free = free, free_memory()
            idle = 0 if free < least else idle + 1
            if told - free >= TOLD_EVERY:
                told = free
                doing(f"{free / 2**30:.0f} GiB of memory are still free")
        return free

    def close(self) -> None:
        """Give the cache back, and the file."""
        self._file.close()
