"""The servers' front ends by name: the same sessions behind a framework, a WebSocket library, or bare frames."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ...errors import LabError
from ..service import FrontEnd, Service

FRONT_ENDS = {
    "fastapi": ".with_fastapi:FastAPIFrontEnd",
    "websockets": ".with_websockets:WebsocketsFrontEnd",
    "picows": ".with_picows:PicowsFrontEnd",
}
"""Module and class of each; a server imports only its own."""


def front_end_named(name: str) -> Callable[[Service], FrontEnd]:
    """A front end by name; LabError if there is none."""
    if name not in FRONT_ENDS:
        raise LabError(f"unknown server '{name}'; there are: {', '.join(FRONT_ENDS)}")
    module, _, attribute = FRONT_ENDS[name].partition(":")
    found: Callable[[Service], FrontEnd] = getattr(import_module(module, __package__), attribute)
    return found
